import { open, seal, SealError, type PrivateKey } from "../../contracts/sealing.ts";
import type { RunSecrets } from "../../contracts/secret.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import { PermanentError, PhaseError } from "./errors.ts";
import { openStored, openUrl, type OpenConnection } from "./open-connection.ts";
import type { Redactor } from "./redactor.ts";
import { connectionVariable } from "./settings.ts";

/** The private keys that this executor holds now; read each time, so that a new key needs no restart. */
export type ReadKeys = () => Promise<PrivateKey[]>;

export interface OpenedSecrets {
  /** A connection that the run names. Throws PermanentError `connection_missing`, `connection_invalid`, or PhaseError `secret_unreadable`. */
  connection(name: string, signal: AbortSignal): Promise<OpenConnection>;
  /** Seals to the newest key what is sealed to older ones, each value checked by opening it again. Answers the names. */
  reseal(signal: AbortSignal): Promise<{ resealed: string[]; replaced: string[] }>;
}

interface Parts {
  controlPlane: Pick<ControlPlane, "getSecrets" | "resealSecret">;
  lease: Lease;
  environment_id: string;
  readKeys: ReadKeys;
  /** Told of every value before anything else is done with it. */
  redact: Redactor;
  /** Name → URL from this executor's own environment, which goes before the control room's: a machine may reach a source in a way of its own. */
  own: ReadonlyMap<string, string>;
}

export function openedSecrets({ controlPlane, lease, environment_id, readKeys, redact, own }: Parts): OpenedSecrets {
  let asked: Promise<RunSecrets> | undefined;

  /** Asked once an attempt, by whoever comes first; a failed call is not kept. */
  function given(signal: AbortSignal): Promise<RunSecrets> {
    signal.throwIfAborted();
    asked ??= controlPlane.getSecrets(lease, { signal }).catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return asked;
  }
  async function valueOf({ name, sealed }: RunSecrets["secrets"][number]): Promise<string> {
    try {
      const value = await open(sealed, { environment_id, name }, await readKeys());
      redact.add(value);
      return value;
    } catch (error) {
      if (!(error instanceof SealError)) throw new PhaseError("secret_unreadable", "The keys of this executor cannot be read: see EXECUTOR_KEYS_FILE and EXECUTOR_KEYS.", {}, { cause: error });
      if (error.code === "seal_broken") throw new PermanentError("secret_unreadable", error.message, { secret: name });
      // Another executor may hold the key.
      throw new PhaseError("secret_unreadable", error.message, { secret: name });
    }
  }

  return {
    async connection(written, signal) {
      const name = written.toLowerCase().replaceAll("-", "_");
      const url = own.get(name);
      if (url !== undefined) return checked(openUrl(url), `${connectionVariable(written)} holds no URL of a kind that is known.`);
      const { connections, secrets } = await given(signal);
      const connection = connections.find((each) => each.name === name);
      if (connection === undefined) {
        throw new PermanentError("connection_missing", `There is no connection named "${written}". Create it in the run's environment, or set ${connectionVariable(written)} where this executor runs.`, { connection: written });
      }
      const secret = secrets.find((each) => each.name === connection.secret_name);
      const opened = openStored(connection.kind, connection.settings, secret === undefined ? null : await valueOf(secret));
      if (opened !== null && "url" in opened) redact.add(opened.url);
      return checked(opened, `The settings of the connection "${name}" are not those of kind ${connection.kind}.`);

      function checked(found: OpenConnection | null, message: string): OpenConnection {
        if (found === null) throw new PermanentError("connection_invalid", message, { connection: name });
        return found;
      }
    },
    async reseal(signal) {
      const { active_key, secrets } = await given(signal);
      const ends = { resealed: [] as string[], replaced: [] as string[] };
      for (const secret of active_key === null ? [] : secrets.filter(({ kid }) => kid !== active_key.kid)) {
        signal.throwIfAborted();
        const place = { environment_id, name: secret.name };
        const value = await valueOf(secret);
        const sealed = await seal(value, place, active_key!);
        // A value that only somebody else's key opens would be lost.
        if ((await open(sealed, place, await readKeys()).catch(() => null)) !== value) {
          throw new PhaseError("secret_unreadable", `This executor does not hold the environment's newest key ${active_key!.kid}.`, { kid: active_key!.kid });
        }
        const { resealed } = await controlPlane.resealSecret(lease, { name: secret.name, version: secret.version, sealed }, { signal });
        ends[resealed ? "resealed" : "replaced"].push(secret.name);
      }
      return ends;
    },
  };
}
