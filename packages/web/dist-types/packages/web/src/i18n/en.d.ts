/** English texts. `zh.ts` has the same keys, or it does not compile. Plurals: `_one` and `_other`. Grouped by page; a page's texts stand in a file of its own in `en/`. */
export declare const common: {
  readonly product: 'Pelorus';
  readonly nav: {
    readonly home: 'Home';
    readonly workflows: 'Workflows';
    readonly runs: 'Runs';
    readonly schedules: 'Schedules';
    readonly backfills: 'Backfills';
    readonly operations: 'Operations';
    readonly admin: 'Administration';
    readonly main: 'Main';
    readonly skip: 'Skip to content';
  };
  readonly state: {
    readonly queued: 'queued';
    readonly waiting: 'waiting';
    readonly running: 'running';
    readonly pausing: 'pausing';
    readonly stopping: 'stopping';
    readonly paused: 'paused';
    readonly succeeded: 'succeeded';
    readonly stopped: 'stopped';
    readonly failed: 'failed';
    readonly dependency_failed: 'dependency failed';
    readonly pending: 'pending';
    readonly delayed: 'delayed';
    readonly dispatched: 'dispatched';
    readonly killing: 'being killed';
    readonly retry_wait: 'waits to be retried';
    readonly forced_success: 'forced to success';
    readonly reused: 'reused';
    readonly killed: 'killed';
    readonly upstream_failed: 'upstream failed';
    readonly skipped: 'skipped';
    readonly lost: 'lost';
  };
  readonly action: {
    readonly save: 'Save';
    readonly cancel: 'Cancel';
    readonly close: 'Close';
    readonly delete: 'Delete';
    readonly edit: 'Edit';
    readonly create: 'Create';
    readonly retry: 'Try again';
    readonly undo: 'Undo';
    readonly copy: 'Copy';
    readonly copied: 'Copied';
    readonly more: 'More';
    readonly search: 'Search';
    readonly clear: 'Clear';
    readonly loadMore: 'Load more';
    readonly confirm: 'Confirm';
  };
  readonly theme: {
    readonly label: 'Theme';
    readonly light: 'Light';
    readonly dark: 'Dark';
    readonly system: 'As the system';
  };
  readonly language: 'Language';
  readonly palette: {
    readonly open: 'Search or jump';
    readonly placeholder: 'Type a page, a workflow or a run…';
    readonly empty: 'Nothing matches.';
  };
  readonly shortcuts: {
    readonly title: 'Keyboard shortcuts';
    readonly palette: 'Search or jump';
    readonly help: 'This list';
    readonly goHome: 'Go home';
    readonly goWorkflows: 'Go to workflows';
    readonly goRuns: 'Go to runs';
    readonly goSchedules: 'Go to schedules';
    readonly goOperations: 'Go to operations';
    readonly focusSearch: 'Filter this list';
  };
  readonly session: {
    readonly signIn: 'Sign in';
    readonly signOut: 'Sign out';
    readonly name: 'Name';
    readonly password: 'Password';
    readonly noPassword: 'No password yet? An administrator can give you a sign-in link: pelorus user link <name>';
    readonly linkUsed: 'That sign-in link has been used, or is too old. `npm start` prints a new one.';
    readonly signingIn: 'Signing in…';
    readonly account: 'Account';
    readonly administrator: 'administrator';
    readonly setPassword: 'Set a password';
    readonly newPassword: 'New password';
    readonly currentPassword: 'Present password';
    readonly passwordHint: '12 characters or more.';
    readonly passwordSet: 'The password is set.';
    readonly ended: 'Your session has ended. Sign in again; what you typed is still here.';
  };
  readonly problem: {
    readonly title: 'This did not work';
    readonly unreachable: 'The server cannot be reached. It is tried again by itself.';
    readonly notFound: 'There is nothing here';
    readonly notFoundHint: 'The address may be mistyped, or what was here has been deleted.';
    readonly forbidden: 'You may not see this';
    readonly forbiddenHint: 'Ask the owner of the project for the right, then load the page again.';
  };
  readonly time: {
    readonly ago: '{{span}} ago';
    readonly in: 'in {{span}}';
    readonly now: 'just now';
    readonly never: 'never';
    readonly utc: 'UTC';
  };
  readonly none: 'none';
  readonly loading: 'Loading…';
  readonly live: {
    readonly on: 'live';
    readonly off: 'connection lost, trying again';
  };
  readonly bytes: {
    readonly unit: '{{n}} {{unit}}';
  };
};
