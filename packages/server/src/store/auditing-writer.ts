/** The way to the writer for one sender: whatever changes something takes the row of the audit along. */
import { UNAUDITED } from './audit-rules.ts';
import type { AuditedCall } from './audit.ts';
import type { AuditStamp } from './port.ts';
import type { VerbCaller } from './verb-caller.ts';
import type { WriteVerbs } from './write-verbs.ts';

/** `stamp` is asked at each call; when it throws, the call fails with that and nothing is sent. */
export function auditing(writer: VerbCaller<WriteVerbs>, stamp: () => AuditStamp): VerbCaller<WriteVerbs> {
  // The thread answers an audited call with what the verb inside it answers.
  const send = writer.call.bind(writer) as unknown as (verb: string, request: unknown) => Promise<unknown>;
  const call = async (verb: keyof WriteVerbs | 'audited', request: unknown): Promise<unknown> => {
    // `audited`: from a store made of this one, for another sender.
    if (verb === 'audited' || UNAUDITED.has(verb)) return send(verb, request);
    const audited: AuditedCall = { verb, request, stamp: stamp() };
    return send('audited', audited);
  };
  return { call: call as VerbCaller<WriteVerbs>['call'] };
}
