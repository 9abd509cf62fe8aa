"use client";

import { Send, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "@/components/ui/toast";
import { useSave } from "@/components/common/use-save";
import { ConfirmButton } from "@/components/common/confirm-button";
import { useAct } from "@/components/common/use-act";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import type { Delivery, Webhook } from "@/contracts/webhook";
import { webhookEvents } from "@/contracts/words";
import { words } from "@/lib/messages/webhook";
import type { Outcome } from "@/lib/ops/attempt";
import { eventWords } from "./words";

type WebhookFormProps = {
  projectId: string;
  webhook: Webhook | null;
  actions: {
    save: (projectId: string, input: unknown) => Promise<Outcome<Webhook>>;
    test: (projectId: string) => Promise<Outcome<Delivery>>;
    remove: (projectId: string) => Promise<Outcome<boolean>>;
  };
};

/** The project's one webhook: where it leads, what it hears of, whether it is on. A test sends what is stored, so it waits for a save. */
export function WebhookForm({ projectId, webhook, actions }: WebhookFormProps) {
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true);
  const [events, setEvents] = useState<readonly string[]>(webhook?.events ?? webhookEvents);
  const { pending: saving, refusal, save } = useSave();
  const { pending, act } = useAct();
  const changed = webhook === null || url !== webhook.url || enabled !== webhook.enabled || webhookEvents.some((each) => events.includes(each) !== webhook.events.includes(each));
  const errorOf = (field: string) => refusal?.errors.find((place) => place.path.startsWith(`/${field}`))?.message;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(() => actions.save(projectId, { url: url.trim(), enabled, events: webhookEvents.filter((each) => events.includes(each)) }), words.webhookForm.sendItAgain, () => toast.success(words.webhookForm.theWebhookIsSaved));
  };
  const eventsError = errorOf("events");
  return (
    <form onSubmit={submit} noValidate className="grid max-w-2xl gap-4" aria-label={words.webhookForm.webhook}>
      {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
      <Field id="webhook-url" label={words.webhookForm.url} required description={words.webhookForm.urlDescription} error={errorOf("url")}>
        <Input {...fieldControl("webhook-url", { description: true, error: errorOf("url"), required: true })} type="url" inputMode="url" value={url} onChange={(event) => setUrl(event.target.value)} autoComplete="off" spellCheck={false} placeholder="https://hooks.example.com/control-room" />
      </Field>
      <fieldset className="grid gap-1.5" aria-describedby={eventsError ? "webhook-events-error" : undefined}>
        <legend className="mb-1.5 text-sm font-medium">{words.webhookForm.hearsOf}</legend>
        {webhookEvents.map((each) => (
          <Field key={each} id={`webhook-${each}`} inline label={<span className="font-normal">{eventWords[each]} <code className="text-xs text-muted-foreground">{each}</code></span>}>
            <Checkbox id={`webhook-${each}`} checked={events.includes(each)} onCheckedChange={(on) => setEvents(on === true ? [...events, each] : events.filter((other) => other !== each))} />
          </Field>
        ))}
        {eventsError ? <p id="webhook-events-error" role="alert" className="text-xs text-failed">{words.webhookForm.chooseAtLeastOne}</p> : null}
      </fieldset>
      <Field id="webhook-enabled" inline label={words.webhookForm.messagesAreSent}>
        <Switch id="webhook-enabled" checked={enabled} onCheckedChange={setEnabled} />
      </Field>
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" disabled={saving || !changed}>{saving ? words.webhookForm.saving : words.webhookForm.save}</Button>
        {webhook === null ? null : (
          <>
            <Button type="button" variant="outline" disabled={pending || changed || !enabled} onClick={() => act(() => actions.test(projectId), () => toast.success(words.webhookForm.aTestMessage))}><Send aria-hidden />{words.webhookForm.sendATest}</Button>
            <ConfirmButton type="button" size="default" disabled={pending} title={words.webhookForm.removeTheWebhook} description={words.webhookForm.removeTheWebhookDescription} confirm={words.webhookForm.remove} onConfirm={() => act(() => actions.remove(projectId))}><Trash2 aria-hidden />{words.webhookForm.remove}</ConfirmButton>
          </>
        )}
      </div>
    </form>
  );
}
