import { Menu as Base } from '@base-ui/react/menu';
import clsx from 'clsx';
import { Check } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { buttonClass } from './button.tsx';

const ITEM =
  'flex min-h-8 w-full cursor-default items-center gap-2 rounded px-2.5 py-1 text-start outline-none select-none data-[highlighted]:bg-surface-3 data-[disabled]:opacity-50';

/** A button with a list of actions behind it. With an icon and no text, `label` is its name. */
export function Menu({
  label,
  icon,
  text,
  children,
  trigger,
}: {
  label: string;
  icon?: ReactNode;
  text?: string;
  children: ReactNode;
  trigger?: ReactElement<Record<string, unknown>>;
}): ReactNode {
  return (
    <Base.Root>
      {trigger ? (
        <Base.Trigger render={trigger} aria-label={label} />
      ) : (
        <Base.Trigger
          className={clsx(buttonClass('quiet'), 'px-2')}
          aria-label={text === undefined ? label : `${label}: ${text}`}
          title={label}
        >
          {icon}
          {text}
        </Base.Trigger>
      )}
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className="min-w-40 rounded-md border border-line bg-surface p-1 text-ink shadow-lg outline-none">
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function MenuItem({
  onClick,
  children,
  danger = false,
  disabled = false,
}: {
  onClick: () => void;
  children: ReactNode;
  danger?: boolean;
  disabled?: boolean;
}): ReactNode {
  return (
    <Base.Item onClick={onClick} disabled={disabled} className={clsx(ITEM, danger && 'text-bad')}>
      {children}
    </Base.Item>
  );
}

export function MenuSeparator(): ReactNode {
  return <Base.Separator className="my-1 h-px bg-line" />;
}

export function MenuRadio({
  value,
  onChange,
  choices,
}: {
  value: string;
  onChange: (value: string) => void;
  choices: { value: string; text: string }[];
}): ReactNode {
  return (
    <Base.RadioGroup value={value} onValueChange={(next) => onChange(String(next))}>
      {choices.map((choice) => (
        <Base.RadioItem key={choice.value} value={choice.value} className={ITEM}>
          <span className="size-4">
            <Base.RadioItemIndicator>
              <Check className="size-4" aria-hidden />
            </Base.RadioItemIndicator>
          </span>
          {choice.text}
        </Base.RadioItem>
      ))}
    </Base.RadioGroup>
  );
}
