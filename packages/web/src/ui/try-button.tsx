import { useMutation } from '@tanstack/react-query';
import { CircleCheck, CircleX } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';

/** Tries out what its row stands for, and says below how that went. */
export function TryButton<Result>({
  text,
  label,
  busyText,
  onTry,
  describe,
}: {
  text: string;
  /** Names the row. */
  label: string;
  busyText: string;
  onTry: () => Promise<Result>;
  describe: (result: Result) => { ok: boolean; text: string };
}): ReactNode {
  const { mutate, isPending, data, error } = useMutation({ mutationFn: onTry });
  return (
    <>
      <span role="status" className="order-last basis-full text-end text-xs whitespace-normal empty:hidden">
        {isPending && busyText}
        {data !== undefined && <Verdict {...describe(data)} />}
        {error && <span className="text-bad">{error.message}</span>}
      </span>
      <Button size="small" aria-label={label} busy={isPending} onClick={() => mutate()}>
        {text}
      </Button>
    </>
  );
}

function Verdict({ ok, text }: { ok: boolean; text: string }): ReactNode {
  const Icon = ok ? CircleCheck : CircleX;
  return (
    <span className={ok ? 'text-ok' : 'text-bad'}>
      <Icon className="me-1 inline size-4" aria-hidden />
      {text}
    </span>
  );
}
