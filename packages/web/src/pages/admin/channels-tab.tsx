/** The channels that alerts go through. */
import type { AlertChannelView, AlertEventName } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import type { Column } from '../../ui/data-table.tsx';
import { Checkbox, Field, Input, Select } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { ShownOnce } from '../../ui/shown-once.tsx';
import { TryButton } from '../../ui/try-button.tsx';
import '../operations/texts.ts';

const KEY = ['alert-channels'];
const EVENTS: readonly AlertEventName[] = [
  'run-failed',
  'run-succeeded',
  'run-stopped',
  'timeout-warning',
  'deadline-missed',
  'schedule-failed',
];
type Shown =
  | { kind: 'edit'; of: AlertChannelView | null }
  | { kind: 'delete'; of: AlertChannelView }
  | { kind: 'secret'; name: string; secret: string }
  | null;

export function ChannelsTab(): ReactNode {
  const { t } = useTranslation('admin');
  const { t: words } = useTranslation('operations');
  const [shown, setShown] = useState<Shown>(null);
  const list = usePaged(KEY, (_cursor, signal) => api.alertChannels.list(signal));
  const columns: Column<AlertChannelView>[] = [
    { id: 'name', name: t('channels.name'), cell: ({ name }) => <b className="font-medium">{name}</b> },
    {
      id: 'target',
      name: t('channels.target'),
      cell: ({ kind, target, hasSecret }) => (
        <>
          <span className="break-all">{target}</span>
          <p className="text-xs text-ink-2">
            {t(`channels.kinds.${kind}`)}
            {hasSecret && ` · ${t('channels.signed')}`}
          </p>
        </>
      ),
    },
    {
      id: 'events',
      name: t('channels.events'),
      cell: ({ events }) =>
        events.length === 0
          ? t('channels.everything')
          : events.map((event) => words(`alert.events.${event}`)).join(', '),
    },
    {
      id: 'actions',
      name: t('actions'),
      actions: true,
      cell: (of) => (
        <RowActions
          edit={{ label: t('editNamed', { name: of.name }), onClick: () => setShown({ kind: 'edit', of }) }}
          remove={{ label: t('deleteNamed', { name: of.name }), onClick: () => setShown({ kind: 'delete', of }) }}
        >
          <TestButton key={of.updatedAt} name={of.name} />
        </RowActions>
      ),
    },
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.channels')}
      columns={columns}
      keyOf={({ name }) => name}
      create={{ label: t('channels.create'), onClick: () => setShown({ kind: 'edit', of: null }) }}
      empty={{ title: t('channels.empty'), hint: t('channels.emptyHint') }}
    >
      {shown?.kind === 'edit' && (
        <ChannelDialog
          of={shown.of}
          onClose={() => setShown(null)}
          onSecret={(name, secret) => setShown({ kind: 'secret', name, secret })}
        />
      )}
      {shown?.kind === 'secret' && (
        <ShownOnce
          title={t('channels.secretTitle', shown)}
          hint={t('channels.secretHint')}
          value={shown.secret}
          onClose={() => setShown(null)}
        />
      )}
      {shown?.kind === 'delete' && (
        <DeleteDialog
          onClose={() => setShown(null)}
          title={t('channels.deleteTitle', { name: shown.of.name })}
          hint={t('channels.deleteHint')}
          onDelete={async () => {
            await api.alertChannels.delete(shown.of.name);
            await queries.invalidateQueries({ queryKey: KEY });
          }}
        />
      )}
    </ManagedList>
  );
}

function TestButton({ name }: { name: string }): ReactNode {
  const { t } = useTranslation('admin');
  return (
    <TryButton
      text={t('channels.test')}
      label={t('channels.testNamed', { name })}
      busyText={t('connections.testing')}
      onTry={() => api.alertChannels.test(name)}
      describe={({ delivered, detail }) => ({
        ok: delivered,
        text: t(delivered ? 'channels.delivered' : 'channels.undelivered', { detail }),
      })}
    />
  );
}

function ChannelDialog({
  of,
  onClose,
  onSecret,
}: {
  of: AlertChannelView | null;
  onClose: () => void;
  onSecret: (name: string, secret: string) => void;
}): ReactNode {
  const { t } = useTranslation('admin');
  const { t: words } = useTranslation('operations');
  const [name, setName] = useState(of?.name ?? '');
  const [kind, setKind] = useState<'email' | 'webhook'>(of?.kind ?? 'webhook');
  const [target, setTarget] = useState(of?.target ?? '');
  const [events, setEvents] = useState<readonly AlertEventName[]>(of?.events ?? []);
  return (
    <FormDialog
      title={of === null ? t('channels.create') : t('channels.edit', { name })}
      onClose={onClose}
      onSubmit={async () => {
        const body = { kind, target: target.trim(), events: [...events] };
        const { secret } = await api.alertChannels.put(name.trim(), body);
        await queries.invalidateQueries({ queryKey: KEY });
        if (secret === undefined) return undefined;
        onSecret(name.trim(), secret);
        return 'stay';
      }}
    >
      {of === null && (
        <Field label={t('name')}>
          <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('channels.kind')}>
        <Select value={kind} onChange={(event) => setKind(event.target.value === 'email' ? 'email' : 'webhook')}>
          <option value="webhook">{t('channels.kinds.webhook')}</option>
          <option value="email">{t('channels.kinds.email')}</option>
        </Select>
      </Field>
      <Field label={kind === 'email' ? t('channels.address') : t('channels.url')}>
        <Input
          required
          type={kind === 'email' ? 'email' : 'url'}
          value={target}
          onChange={(event) => setTarget(event.target.value)}
        />
      </Field>
      <fieldset>
        <legend className="text-sm font-medium">{t('channels.events')}</legend>
        <p className="text-xs text-ink-2">{t('channels.eventsHint')}</p>
        <div className="grid sm:grid-cols-2">
          {EVENTS.map((event) => (
            <Checkbox
              key={event}
              label={words(`alert.events.${event}`)}
              checked={events.includes(event)}
              onChange={({ target: { checked } }) =>
                setEvents(checked ? [...events, event] : events.filter((each) => each !== event))
              }
            />
          ))}
        </div>
      </fieldset>
    </FormDialog>
  );
}
