import type { UserView } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { toast } from '../../ui/toast.tsx';

/** Makes a user, or changes one; they sign in by a link until they have a password. */
export function UserDialog({ of, onClose }: { of: UserView | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation('admin');
  const [name, setName] = useState(of?.name ?? '');
  const [email, setEmail] = useState(of?.email ?? '');
  const [administrator, setAdministrator] = useState(of?.administrator ?? false);
  const [disabled, setDisabled] = useState(of?.disabled ?? false);
  return (
    <FormDialog
      title={of === null ? t('users.create') : t('users.edit', { name })}
      onClose={onClose}
      onSubmit={async () => {
        const address = email.trim() === '' ? null : email.trim();
        // What did not change is not sent: the audit says what was meant.
        await api.users.put(name.trim(), {
          ...(address === (of?.email ?? null) ? {} : { email: address }),
          ...(administrator === (of?.administrator ?? false) ? {} : { administrator }),
          ...(disabled === (of?.disabled ?? false) ? {} : { disabled }),
        });
        await queries.invalidateQueries({ queryKey: ['users'] });
      }}
    >
      {of === null && (
        <Field label={t('name')}>
          <Input required autoFocus autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('users.email')} hint={t('users.emailHint')}>
        <Input type="email" autoComplete="off" value={email} onChange={(event) => setEmail(event.target.value)} />
      </Field>
      <Checkbox
        label={t('users.makeAdministrator')}
        checked={administrator}
        onChange={(event) => setAdministrator(event.target.checked)}
      />
      {of !== null && (
        <Checkbox
          label={t('users.disable')}
          checked={disabled}
          onChange={(event) => setDisabled(event.target.checked)}
        />
      )}
    </FormDialog>
  );
}

export function PasswordDialog({ name, onClose }: { name: string; onClose: () => void }): ReactNode {
  const { t } = useTranslation('admin');
  const [password, setPassword] = useState('');
  return (
    <FormDialog
      title={t('users.passwordNamed', { name })}
      onClose={onClose}
      onSubmit={async () => {
        await api.users.setPassword(name, { new: password });
        toast({ title: t('users.passwordSet', { name }) });
        await queries.invalidateQueries({ queryKey: ['users'] });
      }}
    >
      <Field label={t('users.password')} hint={t('users.passwordHint', { name })}>
        <Input
          type="password"
          required
          autoFocus
          minLength={12}
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}
