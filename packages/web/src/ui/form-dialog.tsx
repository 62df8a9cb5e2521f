/** A dialog with fields: Enter saves, a refusal stays in it with all that is wrong. */
import { useMutation } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { ProblemText } from './states.tsx';

export function FormDialog({
  title,
  description,
  submit,
  onClose,
  onSubmit,
  children,
  disabled = false,
  size = 'normal',
}: {
  title: string;
  description?: ReactNode;
  /** What the button says; absent: Save. */
  submit?: string;
  onClose: () => void;
  /** Closes when it resolves, unless it gives `stay`. */
  onSubmit: () => Promise<unknown>;
  children: ReactNode;
  disabled?: boolean;
  size?: 'normal' | 'wide';
}): ReactNode {
  const { t } = useTranslation();
  const form = useId();
  const save = useMutation({
    mutationFn: onSubmit,
    onSuccess: (answer) => {
      if (answer !== 'stay') onClose();
    },
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      description={description}
      size={size}
      footer={
        <>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" form={form} kind="primary" busy={save.isPending} disabled={disabled}>
            {submit ?? t('action.save')}
          </Button>
        </>
      }
    >
      <form
        id={form}
        className="grid gap-3 pb-1"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {children}
        {save.error && <ProblemText error={save.error} />}
      </form>
    </Dialog>
  );
}
