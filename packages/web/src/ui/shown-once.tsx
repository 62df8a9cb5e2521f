/** Something secret that was made just now and is never shown again: to be copied. */
import { Check, Copy } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

export function ShownOnce({
  title,
  hint,
  value,
  onClose,
}: {
  title: string;
  hint: string;
  value: string;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation();
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      description={hint}
      footer={
        <>
          <CopyButton value={value} />
          <Button kind="primary" onClick={onClose}>
            {t('action.close')}
          </Button>
        </>
      }
    >
      <code className="block rounded-md bg-surface-2 p-3 text-sm break-all select-all">{value}</code>
    </Dialog>
  );
}

export function CopyButton({ value, label }: { value: string; label?: string }): ReactNode {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const Icon = copied ? Check : Copy;
  const text = copied ? t('action.copied') : t('action.copy');
  return (
    <Button
      {...(label === undefined ? {} : { kind: 'quiet' as const, size: 'small' as const, title: label })}
      aria-label={label === undefined ? undefined : copied ? `${text}: ${label}` : label}
      onClick={() => void navigator.clipboard?.writeText(value).then(() => setCopied(true))}
    >
      <Icon className="size-4" aria-hidden />
      {label === undefined && text}
    </Button>
  );
}
