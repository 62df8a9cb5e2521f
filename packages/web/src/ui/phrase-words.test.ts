import { phrase, PHRASES, readPhrase, type PhraseName } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { phraseWords } from './phrase-words.ts';

describe('reasons to wait and to fail', () => {
  test('in English as the server says them, without the code before them', () => {
    expect(phraseWords('no_worker: no worker of group gpu is connected', false)).toBe(
      'No worker of group gpu is connected',
    );
    expect(phraseWords('waiting for a, b', false)).toBe('Waiting for a, b');
  });

  test.each([
    ['waiting for running tasks to finish', '等待运行中的任务结束'],
    ['waiting for extract, clean', '等待 extract, clean'],
    ['waiting for a, b, c and 4 more', '等待 a, b, c 等另外 4 个任务'],
    ['retry 1 of 3', '等待重试：第 1 次，共 3 次'],
    ['task_group: db is full (4 of 4)', '任务组 db 已满（4 / 4）'],
    ['no_slot: every worker of group default is full or not accepting', '工作组 default 的工作节点均已占满或不再接收'],
    ['store_went_back: workers are asked whether it has begun', '数据库曾回退：正在向工作节点确认该任务是否已开始'],
    ['worker w-1 is gone: waiting for its return or for a decision', '工作节点 w-1 已失联：等待其恢复或人工处理'],
    ['paused by a person', '已被人工暂停'],
    [phrase('behind_run', { run: 12 }), '排队等待运行 #12 结束（serial_wait）'],
    [
      phrase('and_more', { detail: phrase('previous_running', { run: 3 }), more: 2 }),
      '其上一次运行 #3 尚未结束（另有 2 项）',
    ],
  ])('%s, in Chinese', (reason, text) => expect(phraseWords(reason, true)).toBe(text));

  test.each(Object.keys(PHRASES) as PhraseName[])('%s holds in Chinese what it holds in English', (name) => {
    const sentence = PHRASES[name].replaceAll(/\{#\w+\}/g, '7').replaceAll(/\{(\w+)\}/g, '<$1>');
    const chinese = phraseWords(sentence, true);
    expect(chinese).toMatch(/[\u4e00-\u9fff]/);
    for (const value of Object.values(readPhrase(sentence)?.values ?? {})) expect(chinese).toContain(value);
  });

  test('one that is not known is shown as it is', () => {
    expect(phraseWords('the moon is full', true)).toBe('The moon is full');
  });
});
