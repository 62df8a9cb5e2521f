/** Why something waits or did not come true, in the language that is shown: the server answers the English sentence, filled from `PHRASES`. */
import { readPhrase, type PhraseName } from '@pelorus/protocol';

const CHINESE: Record<PhraseName, string> = {
  paused_by_person: '已被人工暂停',
  pausing: '等待运行中的任务结束',
  run_paused: '运行已暂停',
  delayed: '按定义延时启动',
  retry: '等待重试：第 {retry} 次，共 {retries} 次',
  worker_gone: '工作节点 {worker} 已失联：等待其恢复或人工处理',
  recalled: '数据库曾回退：正在向工作节点确认该任务是否已开始',
  put_aside: '发生内部错误，已搁置：{detail}',
  unreadable: '该运行的部分存储内容无法读取：{detail}',
  needs_more: '等待 {tasks} 等另外 {more} 个任务',
  needs: '等待 {tasks}',

  behind_run: '排队等待运行 #{run} 结束（serial_wait）',
  until_stopped: '等待运行 #{run} 停止（serial_priority）',

  no_task_group: '不存在任务组 {group}',
  too_heavy: '权重 {weight} 超过任务组 {group} 的容量 {size}',
  group_turn: '在任务组 {group}（容量 {size}）中排队',
  group_full: '任务组 {group} 已满（{held} / {size}）',
  no_worker: '工作组 {group} 没有在线的工作节点',
  no_able_worker: '工作组 {group} 的在线工作节点都不能执行 {type} 任务',
  no_able_slot: '工作组 {group} 中能执行 {type} 任务的工作节点均已占满或不再接收',
  no_slot: '工作组 {group} 的工作节点均已占满或不再接收',

  asking: '正在确认所依赖的内容是否成功',
  and_more: '{detail}（另有 {more} 项）',
  not_within: '{timeoutMs} 毫秒内未满足：{detail}',
  previous_running: '其上一次运行 #{run} 尚未结束',
  previous_failed: '其上一次运行 #{run} 未成功',
  cycle_none: '工作流 {workflow} 在 {from} 至 {to} 的周期尚未运行',
  cycle_running: '工作流 {workflow} 在 {from} 至 {to} 的周期尚未结束：运行 #{run}',
  cycle_failed: '工作流 {workflow} 在 {from} 至 {to} 的周期未成功：运行 #{run}',
  task_none: '{workflow} 的任务 {task} 在 {window}（{from} 至 {to}，{zone}）尚未运行',
  task_running: '{workflow} 的任务 {task} 在 {window}（{from} 至 {to}，{zone}）尚未结束：运行 #{run}',
  task_failed: '{workflow} 的任务 {task} 在 {window}（{from} 至 {to}，{zone}）失败：运行 #{run}',
  task_succeeded: '{workflow} 的任务 {task} 在 {window}（{from} 至 {to}，{zone}）成功：运行 #{run}',
  workflow_none: '工作流 {workflow} 在 {window}（{from} 至 {to}，{zone}）尚未运行',
  workflow_running: '工作流 {workflow} 在 {window}（{from} 至 {to}，{zone}）尚未结束：运行 #{run}',
  workflow_failed: '工作流 {workflow} 在 {window}（{from} 至 {to}，{zone}）失败：运行 #{run}',
  workflow_succeeded: '工作流 {workflow} 在 {window}（{from} 至 {to}，{zone}）成功：运行 #{run}',
  no_window: '时区 {zone} 中没有时间窗口 {window}',

  backfill_stopping: '正在停止：尚未结束的运行 {runs} 个',
  backfill_halted: '{date} 的日期未成功，不再启动其他日期：尚未结束的运行 {runs} 个',
  backfill_paused: '已暂停',

  lease_ended: '{leaseMs} 毫秒内没有主节点续期其执行租约',
  process_ended: '进程在任务完成之前已结束',
  stopped_with_worker: '工作节点停止时任务被一并停止',
  unknown_attempt: '没有主节点认识该次尝试',
  no_cause: '工作节点没有给出原因',
};

/** In Chinese if asked for and known; otherwise the server's words as a sentence, without the code before them. */
export function phraseWords(sentence: string, isChinese: boolean): string {
  return (isChinese ? inChinese(sentence) : null) ?? sentenceCase(sentence.replace(CODE, ''));
}

/** Of those sentences that programs may want to tell apart. */
const CODE = /^(?:task_group|no_worker|no_slot|store_went_back): /;

/** Null: a sentence that is not known here, for a newer server wrote it, or a task. */
export function inChinese(sentence: string): string | null {
  const read = readPhrase(sentence);
  if (read === null) return null;
  // What is inside may be such a sentence, too.
  const inside = (value: string): string => inChinese(value) ?? value;
  return CHINESE[read.name].replaceAll(/\{(\w+)\}/g, (_place, name: string) => {
    const value = read.values[name] ?? '';
    return name === 'detail' ? inside(value) : value;
  });
}

/** With a capital letter where there is one. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
