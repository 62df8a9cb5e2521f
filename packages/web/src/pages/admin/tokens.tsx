/** Tokens of one person: what each may, until when, and ending it. Only the own ones can be made. */
import './texts.ts';
import type { RoleName, TokenView } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Checkbox, Field, Input, Select } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { ShownOnce } from '../../ui/shown-once.tsx';
import { Time } from '../../ui/time.tsx';

const DAY_MS = 86_400_000;
const DAYS = [7, 30, 90, 365];
const ROLES: readonly RoleName[] = ['viewer', 'operator', 'editor'];
/** As `ROLE_BITS` of the protocol, the other way round. */
const ROLE_OF: Readonly<Record<number, RoleName>> = { 2: 'viewer', 3: 'operator', 7: 'editor' };
type Shown =
  | { kind: 'create' }
  | { kind: 'made'; name: string; token: string }
  | { kind: 'delete'; of: TokenView }
  | null;

export function Tokens({ user }: { user: string }): ReactNode {
  const { t } = useTranslation('admin');
  const me = useMe();
  const [shown, setShown] = useState<Shown>(null);
  const key = ['tokens', user];
  const askAgain = () => queries.invalidateQueries({ queryKey: key });
  const list = usePaged(key, (_cursor, signal) => api.tokens.list(user === me.user ? {} : { user }, signal));
  const columns: Column<TokenView>[] = [
    { id: 'name', name: t('tokens.name'), cell: ({ name }) => <b className="font-medium">{name}</b> },
    { id: 'rights', name: t('tokens.rights'), cell: (token) => <Rights token={token} /> },
    { id: 'created', name: t('tokens.created'), cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'expires', name: t('tokens.expires'), cell: ({ expiresAt }) => <Time at={expiresAt} /> },
    { id: 'used', name: t('tokens.used'), cell: ({ usedAt }) => <Time at={usedAt} /> },
    {
      id: 'actions',
      name: t('actions'),
      actions: true,
      cell: (of) => (
        <Button
          size="small"
          kind="danger"
          aria-label={t('tokens.endNamed', { name: of.name })}
          onClick={() => setShown({ kind: 'delete', of })}
        >
          {t('tokens.end')}
        </Button>
      ),
    },
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.tokens')}
      columns={columns}
      keyOf={({ id }) => id}
      create={user === me.user ? { label: t('tokens.create'), onClick: () => setShown({ kind: 'create' }) } : null}
      empty={{ title: t('tokens.empty'), hint: t('tokens.emptyHint') }}
    >
      {shown?.kind === 'create' && (
        <TokenDialog
          onClose={() => setShown(null)}
          onMade={(name, token) => {
            setShown({ kind: 'made', name, token });
            void askAgain();
          }}
        />
      )}
      {shown?.kind === 'made' && (
        <ShownOnce
          title={t('tokens.madeTitle', shown)}
          hint={t('tokens.madeHint')}
          value={shown.token}
          onClose={() => setShown(null)}
        />
      )}
      {shown?.kind === 'delete' && (
        <DeleteDialog
          onClose={() => setShown(null)}
          title={t('tokens.deleteTitle', { name: shown.of.name })}
          hint={t('tokens.deleteHint')}
          confirm={t('tokens.end')}
          onDelete={async () => {
            await api.tokens.delete(shown.of.id);
            await askAgain();
          }}
        />
      )}
    </ManagedList>
  );
}

function Rights({ token: { perm, projects } }: { token: TokenView }): ReactNode {
  const { t } = useTranslation('admin');
  const role = perm === null ? null : ROLE_OF[perm];
  return (
    <>
      {perm === null
        ? t('tokens.all')
        : role === undefined || role === null
          ? t('members.own', { perm })
          : t(`members.roles.${role}`)}
      {projects !== null && (
        <p className="text-xs text-ink-2">{t('tokens.projects', { projects: projects.join(', ') })}</p>
      )}
    </>
  );
}

function TokenDialog({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (name: string, token: string) => void;
}): ReactNode {
  const { t } = useTranslation('admin');
  const me = useMe();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [role, setRole] = useState<RoleName | ''>('');
  const [projects, setProjects] = useState<readonly string[]>([]);
  return (
    <FormDialog
      title={t('tokens.create')}
      onClose={onClose}
      onSubmit={async () => {
        const { token } = await api.tokens.create({
          name: name.trim(),
          ...(days === '' ? {} : { expiresAt: new Date(Date.now() + Number(days) * DAY_MS).toISOString() }),
          ...(role === '' ? {} : { perm: role }),
          ...(projects.length === 0 ? {} : { projects: [...projects] }),
        });
        onMade(name.trim(), token);
        return 'stay';
      }}
    >
      <Field label={t('name')} hint={t('tokens.nameHint')}>
        <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label={t('tokens.days')}>
        <Select value={days} onChange={(event) => setDays(event.target.value)}>
          {DAYS.map((count) => (
            <option key={count} value={count}>
              {t('tokens.dayCount', { count })}
            </option>
          ))}
          <option value="">{t('tokens.never')}</option>
        </Select>
      </Field>
      <Field label={t('tokens.rights')}>
        <Select value={role} onChange={(event) => setRole(event.target.value as RoleName | '')}>
          <option value="">{t('tokens.all')}</option>
          {ROLES.map((each) => (
            <option key={each} value={each}>
              {t(`members.roles.${each}`)}
            </option>
          ))}
        </Select>
      </Field>
      {me.projects.length > 0 && (
        <fieldset>
          <legend className="text-sm font-medium">{t('tokens.onlyProjects')}</legend>
          <div className="flex max-h-40 flex-wrap gap-x-4 overflow-auto">
            {me.projects.map((project) => (
              <Checkbox
                key={project.name}
                label={project.name}
                checked={projects.includes(project.name)}
                onChange={({ target: { checked } }) =>
                  setProjects(checked ? [...projects, project.name] : projects.filter((each) => each !== project.name))
                }
              />
            ))}
          </div>
        </fieldset>
      )}
    </FormDialog>
  );
}
