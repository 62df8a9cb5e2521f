/** Causes and reasons to wait in words, in the language that is shown. */
import type { Cause } from '@pelorus/protocol';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { addTexts, language } from '../i18n/index.ts';
import { span } from './time.tsx';

addTexts('cause', {
  en: {
    exit: 'Ended with exit code {{code}}',
    signal: 'Ended by signal {{name}}',
    oom: 'Ran out of memory',
    timeout: 'Timed out after {{span}}',
    killed_by: 'Stopped by {{user}}',
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
    fail_fast: '因 {{task}} 失败而被停止',
    upstream: '上游任务 {{task}} 未成功',
    worker_lost: '工作节点 {{worker}} 失联',
    dispatch_timeout: '{{span}} 内没有工作节点接收',
    invalid: '无法启动:{{detail}}',
    error: '{{detail}}',
    branch: '所在分支未被 {{task}} 选中',
    chose: '选择了 {{taken}}',
    child: '其子运行 #{{runId}}:{{state}}',
    dependency: '所依赖的条件未满足:{{detail}}',
    not_selected: '本次运行未选中',
    disabled: '在定义中已禁用',
    reused: '沿用运行 #{{runId}} 的结果',
    forced_by: '由 {{user}} 强制成功',
    discarded: '未启动:运行 #{{runId}} 尚未结束',
    superseded: '为较新的运行 #{{runId}} 让位而停止',
    not_triggered: '上游没有任务失败',
    no_capacity: '工作节点无法接收:{{detail}}',
    nothing: '无',
  },
});

/** A sentence without its full stop; empty for no cause. */
export function useCauseText(): (cause: Cause | null) => string {
  const { t } = useTranslation('cause');
  const { t: common } = useTranslation();
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
        default:
          return t(cause.kind, { ...cause });
      }
    },
    [t, common],
  );
}

/** The server gives reasons in English; those that it is known to give are said in Chinese, any other is shown as it is. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^waiting for running tasks to finish$/, '等待运行中的任务结束'],
  [/^waiting for (.+) and (\d+) more$/, '等待 $1 等另外 $2 个任务'],
  [/^waiting for (.+)$/, '等待 $1'],
  [/^retry (\d+) of (\d+)$/, '等待重试:第 $1 次,共 $2 次'],
  [/^worker (.+) is gone: waiting for its return or for a decision$/, '工作节点 $1 已失联:等待其恢复或人工处理'],
  [/^the run is paused$/, '运行已暂停'],
  [/^paused by a person$/, '已被人工暂停'],
  [/^delayed by its definition$/, '按定义延时启动'],
  [/^asks whether what it depends on has succeeded$/, '正在确认所依赖的内容是否成功'],
  [/^put aside after an internal error: (.+)$/, '发生内部错误,已搁置:$1'],
  [/^there is no task group (.+)$/, '不存在任务组 $1'],
  [/^(.+) is full \((\d+) of (\d+)\)$/, '任务组 $1 已满($2 / $3)'],
  [/^no worker of group (.+) is connected$/, '工作组 $1 没有在线的工作节点'],
  [/^every worker of group (.+) is full or not accepting$/, '工作组 $1 的工作节点均已占满或不再接收'],
  [/^(.+) has not ended: run (\d+)$/, '$1 尚未结束:运行 #$2'],
];

/** Why something waits, as the server says it, in the language that is shown. */
export function useWaitText(): (reason: string) => string {
  const { i18n } = useTranslation();
  // Another language is another function, so that what was said with it is said again.
  return useCallback((reason) => waitText(reason, i18n.language === 'zh'), [i18n.language]);
}

export function waitText(reason: string, isChinese = language() === 'zh'): string {
  const plain = reason.replace(/^(?:task_group|no_worker|no_slot): /, '');
  if (isChinese) for (const [pattern, text] of REASONS) if (pattern.test(plain)) return plain.replace(pattern, text);
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
