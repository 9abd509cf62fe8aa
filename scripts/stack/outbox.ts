/** Mails of the local stack: nothing can be sent, so each becomes a file that mail programs open. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LogLine, Mail } from './auth/context.ts';

const SUBJECTS: Record<string, string> = {
  signup: 'Confirm your address', invite: 'You are invited', magiclink: 'Your link to sign in', recovery: 'Choose a new password', email_change: 'Confirm the new e-mail address',
};

/** Writes mails into `folder`, newest last by name, mode 0600: a link opens an account once, within an hour. */
export function createOutbox(folder: string, log: LogLine): (mail: Mail) => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return (mail) => {
    const now = new Date();
    const name = `${now.toISOString().replaceAll(':', '.')}-${mail.type}-${randomBytes(3).toString('hex')}.eml`;
    // An address has neither spaces nor line breaks (auth/users.ts), so no header can be slipped in.
    const text = `Date: ${now.toUTCString()}\r\nTo: ${mail.to}\r\nSubject: ${SUBJECTS[mail.type] ?? 'Control room'}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nOpen this link in the browser that asked for it:\r\n\r\n${mail.link}\r\n\r\nCode: ${mail.code}\r\n`;
    writeFile(path.join(folder, name), text, { mode: 0o600, flag: 'wx' }).then(
      () => log({ level: 'info', event: 'mail', type: mail.type, file: name }),
      (error: unknown) => log({ level: 'error', event: 'mail_lost', type: mail.type, message: error instanceof Error ? error.message : String(error) }),
    );
  };
}
