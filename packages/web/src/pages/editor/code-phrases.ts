/** What the code editor says, in Chinese; in English it speaks for itself. */
import { EditorState, type Extension } from '@codemirror/state';

export function codePhrases(language: string): Extension {
  return language === 'zh' ? EditorState.phrases.of(CHINESE) : [];
}

const CHINESE = {
  '$ unchanged lines': '$ 行未变',
  Unfold: '展开',
  unfold: '展开',
  'Fold line': '折叠此行',
  'Unfold line': '展开此行',
  'folded code': '已折叠的代码',
  'Folded lines': '已折叠的行',
  to: '至',
  Find: '查找',
  Replace: '替换',
  next: '下一个',
  previous: '上一个',
  all: '全部',
  'match case': '区分大小写',
  regexp: '正则表达式',
  'by word': '全字匹配',
  replace: '替换',
  'replace all': '全部替换',
  close: '关闭',
  'current match': '当前匹配',
  'replaced $ matches': '已替换 $ 处',
  'replaced match on line $': '已替换第 $ 行的匹配',
  'on line': '在行',
  'Go to line': '转到行',
  go: '转到',
  Diagnostics: '问题',
  'No diagnostics': '没有问题',
  Completions: '补全',
  'Control character': '控制字符',
} as const;
