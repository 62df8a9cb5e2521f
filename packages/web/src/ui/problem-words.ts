/** What is wrong with a definition or a form, in the language that is shown: the server answers English, mostly filled from `PROBLEM_PHRASES`. */
import { readProblemPhrase, type ProblemPhraseName } from '@pelorus/protocol';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

const CHINESE: Record<ProblemPhraseName, string> = {
  did_you_mean: '{problem}，是不是 `{meant}`？',
  meant: '{problem}，是不是 {meant}？',

  unknown_key: '未知的键 `{key}`；此处可用：{keys}',
  only_unknown_key: '未知的键 `{key}`',
  unknown_predecessor: '未知的上游任务 `{name}`',
  unknown_task_type: '未知的任务类型 `{type}`；可用类型：{types}',
  only_unknown_task_type: '未知的任务类型 `{type}`',
  unknown_task: '未知的任务 `{name}`',
  needs_itself: '`{task}` 依赖了自己',
  cycle: '循环依赖：{tasks}；其中每个任务都在等待前一个',
  no_name: '定义缺少 `name`：{expected}',
  no_tasks: '定义缺少 `tasks`：任务名到任务的映射',
  no_type: '{place} 既没有 `type` 也没有 `run`；可用类型：{types}',
  neither_run_nor_file: '{place} 缺少 `run` 或 `file`；{type} 任务需要其中之一',
  run_and_file: '{place} 同时有 `run` 和 `file`；{type} 任务只能有其中之一',
  key_of_others: '`{key}` 是 {types} 任务的键；这是 {type} 任务',
  lacks: '{place} 缺少 `{key}`：{expected}',
  not_empty: '{place} 不能为空',
  not_expected: '{place} 必须是{expected}，而不是{given}',
  too_many_items: '{place} 有 {items} 项；最多 {most} 项',
  too_many_entries: '{place} 有 {items} 个条目；最多 {most} 个',

  not_known: '这里没有参数 {place}',
  required: '缺少 {place}',
  wrong_form: '{place} 的格式不正确',
  not_acceptable: '{place} 的值不可接受',
  given_once: '{place} 必须是{expected}，且只能给出一次',
  one_of: '{place} 必须是以下之一：{values}',
  characters: '{place} 的字符数必须{amount}',
  entries: '{place} 的条目数必须{amount}',
  must_be: '{place} 必须是{expected}',

  at_least: '不小于 {limit}',
  at_most: '不大于 {limit}',
  more_than: '大于 {limit}',
  less_than: '小于 {limit}',
  the_text: '文本 `{text}`',
  the_number: '数字 {number}',
  item: '{place} 的第 {item} 项',
};

/** What is put into them where no template says it. */
const WORDS: Readonly<Record<string, string>> = {
  'the definition': '定义',
  'the body': '请求内容',
  empty: '空值',
  text: '文本',
  'an empty text': '空文本',
  'a list': '列表',
  'a map': '映射',
  'any value': '任意值',
  'true or false': ' true 或 false',
  'an integer': '整数',
  'a whole number': '整数',
  'a number': '数字',
  'an array': '数组',
  'an object': '对象',
  'a text': '文本',
  'a name of letters, digits, `_` and `-` that begins with a letter or `_` (at most 63 characters)':
    '名称：由字母、数字、`_` 和 `-` 组成，以字母或 `_` 开头（最多 63 个字符）',
  'a parameter name: letters, digits, `_`, `-`, `.`, beginning with a letter or `_` (at most 63 characters)':
    '参数名：由字母、数字、`_`、`-` 和 `.` 组成，以字母或 `_` 开头（最多 63 个字符）',
  'a task name': '任务名',
  'a task type': '任务类型',
  'a map of task keys': '任务各键的映射',
  'a list of task names': '任务名列表',
  'the name of a task': '任务名',
  'the path of a file': '文件路径',
  'a list of file names': '文件名列表',
  'a list of statements': '语句列表',
  'the name of a connection': '连接名',
  'the name of a worker group': '工作组名',
  'a cron expression': ' cron 表达式',
  'a map of names to values': '名称到值的映射',
  'a map of names to values or declarations': '名称到值或声明的映射',
  'a map of variable names to values': '变量名到值的映射',
  'a map of header names to values': '请求头名称到值的映射',
  'a map of output names to types': '输出名到类型的映射',
  'a map of labels to values': '标签到值的映射',
  'a channel or address': '告警渠道或地址',
  'a list of channels and addresses': '告警渠道和地址的列表',
  'an address that begins with http:// or https://': '以 http:// 或 https:// 开头的地址',
  'a time zone such as `Europe/Berlin`': '时区，例如 `Europe/Berlin`',
  'the IANA name of a time zone': '时区的 IANA 名称',
  'a duration such as `30s`, `10m`, `2h`, `1d` or whole seconds': '时长，例如 `30s`、`10m`、`2h`、`1d` 或整秒数',
  'an e-mail address': '电子邮件地址',
  'a positive integer': '正整数',
};

/** What holds another sentence or words. */
const INSIDE = new Set(['problem', 'place', 'expected', 'given', 'amount']);

/** In Chinese if asked for and known, otherwise as it is. */
export function problemWords(message: string, isChinese: boolean): string {
  return isChinese ? chineseOf(message) : message;
}

function chineseOf(text: string): string {
  const word = WORDS[text];
  if (word !== undefined) return word;
  const read = readProblemPhrase(text);
  if (read === null) return text;
  return CHINESE[read.name].replaceAll(/\{(\w+)\}/g, (_place, name: string) => {
    const value = read.values[name] ?? '';
    return INSIDE.has(name) ? chineseOf(value) : value;
  });
}

export function useProblemWords(): (message: string) => string {
  const { i18n } = useTranslation();
  // Another language is another function, so that what was said with it is said again.
  return useCallback((message) => problemWords(message, i18n.language === 'zh'), [i18n.language]);
}
