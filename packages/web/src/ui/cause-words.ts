/** Causes and reasons to wait in words, in the language that is shown. */
import type { Cause } from '@pelorus/protocol';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { addTexts } from '../i18n/index.ts';
import { span } from './time.tsx';
import { inChinese, phraseWords } from './phrase-words.ts';

addTexts('cause', {
  en: {
    exit: 'Ended with exit code {{code}}',
    signal: 'Ended by signal {{name}}',
    oom: 'Ran out of memory',
    timeout: 'Timed out after {{span}}',
    killed_by: 'Stopped by {{user}}',
    kill_unconfirmed: 'Killed, but not confirmed: {{detail}}',
    fail_fast: 'Stopped because {{task}} failed',
    upstream: '{{task}}, which it needs, did not succeed',
    worker_lost: 'Worker {{worker}} was lost',
    dispatch_timeout: 'No worker took it within {{span}}',
    invalid: 'Could not be started: {{detail}}',
    error: '{{detail}}',
    branch: 'On a branch that {{task}} did not take',
    chose: 'Chose {{taken}}',
    child: 'Its run #{{runId}}: {{state}}',
    dependency: 'What it depends on did not come true: {{detail}}',
    not_selected: 'Not selected for this run',
    disabled: 'Disabled in the definition',
    reused: 'Taken over from run #{{runId}}',
    forced_by: 'Forced to success by {{user}}',
    discarded: 'Not started: run #{{runId}} had not ended',
    superseded: 'Stopped for the newer run #{{runId}}',
    not_triggered: 'Nothing before it failed',
    no_capacity: 'The worker could not take it: {{detail}}',
    nothing: 'nothing',
  },
  zh: {
    exit: '退出码 {{code}}',
    signal: '被信号 {{name}} 终止',
    oom: '内存不足',
    timeout: '超过 {{span}} 后超时',
    killed_by: '由 {{user}} 停止',
    kill_unconfirmed: '已终止，但未得到确认：{{detail}}',
    fail_fast: '因 {{task}} 失败而被停止',
    upstream: '上游任务 {{task}} 未成功',
    worker_lost: '工作节点 {{worker}} 失联',
    dispatch_timeout: '{{span}} 内没有工作节点接收',
    invalid: '无法启动：{{detail}}',
    error: '{{detail}}',
    branch: '所在分支未被 {{task}} 选中',
    chose: '选择了 {{taken}}',
    child: '其子运行 #{{runId}}：{{state}}',
    dependency: '所依赖的条件未满足：{{detail}}',
    not_selected: '本次运行未选中',
    disabled: '在定义中已禁用',
    reused: '沿用运行 #{{runId}} 的结果',
    forced_by: '由 {{user}} 强制成功',
    discarded: '未启动：运行 #{{runId}} 尚未结束',
    superseded: '为较新的运行 #{{runId}} 让位而停止',
    not_triggered: '上游没有任务失败',
    no_capacity: '工作节点无法接收：{{detail}}',
    nothing: '无',
  },
});

/** A sentence without its full stop; empty for no cause. */
export function useCauseText(): (cause: Cause | null) => string {
  const { t } = useTranslation('cause');
  const { t: common, i18n } = useTranslation();
  const isChinese = i18n.language === 'zh';
  return useCallback(
    (cause) => {
      if (cause === null) return '';
      switch (cause.kind) {
        case 'timeout':
        case 'dispatch_timeout':
          return t(cause.kind, { span: span(cause.afterMs) });
        case 'chose':
          return t('chose', { taken: cause.taken.join(', ') || t('nothing') });
        case 'child':
          return t('child', { runId: cause.runId, state: common(`state.${cause.state}`) });
        case 'kill_unconfirmed':
        case 'invalid':
        case 'error':
        case 'dependency':
        case 'no_capacity':
          return t(cause.kind, { detail: (isChinese ? inChinese(cause.detail) : null) ?? cause.detail });
        default:
          return t(cause.kind, { ...cause });
      }
    },
    [t, common, isChinese],
  );
}

/** Why something waits, as the server says it, in the language that is shown. */
export function useWaitText(): (reason: string) => string {
  const { i18n } = useTranslation();
  // Another language is another function, so that what was said with it is said again.
  return useCallback((reason) => phraseWords(reason, i18n.language === 'zh'), [i18n.language]);
}
