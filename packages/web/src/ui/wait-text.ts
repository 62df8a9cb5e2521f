/** Reasons to wait, of which the server gives the English words. */

/** The server gives reasons in English; those that it is known to give are said in Chinese, any other is shown as it is. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^waiting for running tasks to finish$/, '等待运行中的任务结束'],
  [/^waiting for (.+) and (\d+) more$/, '等待 $1 等另外 $2 个任务'],
  [/^waiting for (.+)$/, '等待 $1'],
  [/^retry (\d+) of (\d+)$/, '等待重试：第 $1 次，共 $2 次'],
  [/^worker (.+) is gone: waiting for its return or for a decision$/, '工作节点 $1 已失联：等待其恢复或人工处理'],
  [/^the run is paused$/, '运行已暂停'],
  [/^paused by a person$/, '已被人工暂停'],
  [/^delayed by its definition$/, '按定义延时启动'],
  [/^asks whether what it depends on has succeeded$/, '正在确认所依赖的内容是否成功'],
  [/^put aside after an internal error: (.+)$/, '发生内部错误，已搁置：$1'],
  [/^there is no task group (.+)$/, '不存在任务组 $1'],
  [/^(.+) is full \((\d+) of (\d+)\)$/, '任务组 $1 已满（$2 / $3）'],
  [/^no worker of group (.+) is connected$/, '工作组 $1 没有在线的工作节点'],
  [/^no worker of group (.+) that is connected runs (.+) tasks$/, '工作组 $1 的在线工作节点都不能执行 $2 任务'],
  [
    /^every worker of group (.+) that runs (.+) tasks is full or not accepting$/,
    '工作组 $1 中能执行 $2 任务的工作节点均已占满或不再接收',
  ],
  [/^every worker of group (.+) is full or not accepting$/, '工作组 $1 的工作节点均已占满或不再接收'],
  [/^workers are asked whether it has begun$/, '数据库曾回退：正在向工作节点确认该任务是否已开始'],
  [/^(.+) has not ended: run (\d+)$/, '$1 尚未结束：运行 #$2'],
];

/** In Chinese if asked for; otherwise a sentence of the server's words, without the code before them. */
export function waitText(reason: string, isChinese: boolean): string {
  const plain = reason.replace(/^(?:task_group|no_worker|no_slot|store_went_back): /, '');
  if (isChinese) for (const [pattern, text] of REASONS) if (pattern.test(plain)) return plain.replace(pattern, text);
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
