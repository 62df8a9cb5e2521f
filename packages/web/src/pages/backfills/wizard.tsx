/** A new backfill: what is asked for on one side, on the other exactly what would run. */
import '../workflows/texts.ts';
import './texts.ts';
import { leadingSchedule, type BackfillRequest, type WorkflowView } from '@pelorus/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { newRequestKey } from '../../api/request-key.ts';
import { useMay } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ProblemText } from '../../ui/states.tsx';
import { useSettled } from '../../ui/settled.ts';
import { toast } from '../../ui/toast.tsx';
import { WorkflowPicker } from '../../ui/workflow-picker.tsx';
import { isZone } from '../../ui/zone-input.tsx';
import { PreviewPane } from './preview-pane.tsx';
import { WizardDates } from './wizard-dates.tsx';
import { searchOf, wizardOf } from './wizard-address.ts';
import { backfillOf, type WizardForm } from './wizard-form.ts';
import { WizardHow, WizardRunOptions } from './wizard-options.tsx';

export function BackfillWizardPage(): ReactNode {
  const { t } = useTranslation('backfills');
  const wizard = useWizard();
  const { request, start, count } = wizard;
  return (
    <Page title={t('wizard.title')}>
      <form
        className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(22rem,28rem)]"
        onSubmit={(event) => {
          event.preventDefault();
          if (request !== null) start.mutate(request);
        }}
      >
        <Questions wizard={wizard} />
        <div className="grid gap-3 lg:sticky lg:top-4">
          <Preview wizard={wizard} />
          {start.error && <ProblemText error={start.error} />}
          <Button type="submit" kind="primary" busy={start.isPending} disabled={count === 0 || !wizard.mayExecute}>
            {t('wizard.submit', { count })}
          </Button>
        </div>
      </form>
    </Page>
  );
}

type Wizard = ReturnType<typeof useWizard>;

/** What is asked for, as the form and the address have it, and what would come of it. */
function useWizard() {
  const search = useSearch({ from: '/backfills/new' });
  const { project = '', workflow = '' } = search;
  const navigate = useNavigate({ from: '/backfills/new' });
  const may = useMay(project);
  const view = useQuery({
    queryKey: ['workflow', project, workflow],
    queryFn: ({ signal }) => api.workflows.get(project, workflow, signal),
    enabled: project !== '' && workflow !== '',
    retry: false,
  });
  const [form, setForm] = useState(() => wizardOf(search));
  const change = (part: Partial<WizardForm>): void => setForm((before) => ({ ...before, ...part }));
  const written = useSettled(form);
  useEffect(() => {
    void navigate({
      search: (now) => ({ ...namesOf(now), ...searchOf(written) }),
      replace: true,
    });
  }, [navigate, written]);
  const schedule = useOwnSchedule(project, workflow, view.data);
  // The dates that an address names are not those of the schedule.
  const takesSchedule = useRef(search.kind === undefined && search.start === undefined);
  useEffect(() => {
    if (schedule === null || !takesSchedule.current) return;
    takesSchedule.current = false;
    change({ ...schedule, kind: 'cron' });
  }, [schedule]);
  const request = useMemo(
    () =>
      view.data === undefined || !isZone(form.zone)
        ? null
        : backfillOf({ project, workflow }, form, view.data.definition.params),
    [project, workflow, form, view.data],
  );
  const { preview, isFresh } = usePreview(request);
  return {
    chosen: { project, workflow },
    choose: (chosen: { project: string; workflow: string }): void => {
      takesSchedule.current = true;
      void navigate({ search: (now) => ({ ...now, ...chosen }), replace: true });
    },
    mayExecute: may.execute,
    view: view.data,
    form,
    change,
    schedule,
    request,
    preview,
    /** Runs that would be made; 0: that is not known at present. */
    count: isFresh ? (preview.data?.dates.length ?? 0) : 0,
    start: useStart(request),
  };
}

function usePreview(request: BackfillRequest | null) {
  const asked = useSettled(request);
  const preview = useQuery({
    queryKey: ['backfill-preview', asked],
    queryFn: async ({ signal }) => {
      if (asked === null) throw new Error('nothing to ask for');
      return api.backfills.preview(asked, signal);
    },
    enabled: asked !== null,
    placeholderData: (before) => before,
    retry: false,
  });
  const isFresh = asked === request && request !== null && !preview.isFetching && preview.error === null;
  return { preview, isFresh };
}

function useStart(request: BackfillRequest | null) {
  const { t } = useTranslation('backfills');
  const navigate = useNavigate();
  // The same request twice is the same backfill.
  const key = useMemo(() => (request === null ? '' : newRequestKey()), [request]);
  return useMutation({
    mutationFn: (chosen: BackfillRequest) => api.backfills.submit(chosen, { idempotencyKey: key }),
    onSuccess: async ({ id }) => {
      toast({ title: t('wizard.started', { id }) });
      void queries.invalidateQueries({ queryKey: ['backfills'] });
      await navigate({ to: '/backfills/$backfill', params: { backfill: String(id) } });
    },
  });
}

function Questions({
  wizard: { chosen, choose, mayExecute, view, form, change, schedule },
}: {
  wizard: Wizard;
}): ReactNode {
  const { t } = useTranslation('backfills');
  return (
    <div className="grid gap-4">
      <Panel title={t('wizard.workflow')}>
        <div className="grid gap-3 p-4">
          <WorkflowPicker chosen={chosen} onChange={choose} />
          {chosen.project !== '' && !mayExecute && <p className="text-warn">{t('wizard.noRight')}</p>}
        </div>
      </Panel>
      <Panel title={t('wizard.dates')}>
        <div className="p-4">
          <WizardDates form={form} scheduleCron={schedule?.cron ?? null} onChange={change} />
        </div>
      </Panel>
      <Panel title={t('wizard.how')}>
        <div className="p-4">
          <WizardHow form={form} onChange={change} />
        </div>
      </Panel>
      {view && (
        <Panel title={t('wizard.options')}>
          <div className="p-4">
            <WizardRunOptions form={form} onChange={change} view={view} />
          </div>
        </Panel>
      )}
    </div>
  );
}

function Preview({ wizard: { request, preview, form } }: { wizard: Wizard }): ReactNode {
  const { t } = useTranslation('backfills');
  return (
    <Panel title={t('wizard.preview')} {...(preview.isFetching ? { actions: <Spinner /> } : {})}>
      {request === null ? (
        <p className="p-4 text-ink-2">{t('wizard.chooseFirst')}</p>
      ) : preview.error ? (
        <div className="p-4">
          <ProblemText error={preview.error} />
        </div>
      ) : preview.data ? (
        <PreviewPane preview={preview.data} order={form.order} />
      ) : null}
    </Panel>
  );
}

/** What the server counts dates by when nothing is said: the stored schedule, else that of the definition; null: none, or not known yet. */
function useOwnSchedule(
  project: string,
  workflow: string,
  view: WorkflowView | undefined,
): { cron: string; zone: string } | null {
  const stored = useQuery({
    queryKey: ['schedules', 'of', project, workflow],
    queryFn: ({ signal }) => api.schedules.list({ project, workflow }, signal),
    enabled: project !== '' && workflow !== '',
  });
  return useMemo(() => {
    if (view === undefined || stored.isPending) return null;
    const leading = leadingSchedule(stored.data?.items ?? []);
    if (leading !== null) return { cron: leading.cron, zone: leading.zone };
    const { schedule } = view.definition;
    return schedule === null ? null : { cron: schedule.cron, zone: schedule.timezone };
  }, [view, stored.isPending, stored.data]);
}

function namesOf({ project, workflow }: { project?: string; workflow?: string }): {
  project?: string;
  workflow?: string;
} {
  return { ...(project === undefined ? {} : { project }), ...(workflow === undefined ? {} : { workflow }) };
}
