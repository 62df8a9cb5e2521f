/** One node of a DataSphereStudio flow, as far as it can be understood by itself. */
import { asMap, idOf, mapOf, storableText, textOf, type Json } from './foreign-json.ts';

export type DssKind =
  | 'shell'
  | 'python'
  | 'sql'
  | 'virtual'
  | 'subflow'
  | 'sender'
  | 'receiver'
  | 'datachecker'
  /** Has a script, which nothing here can run. */
  | 'script'
  | 'unknown';

export interface DssNode {
  raw: Json;
  /** `id` and `key`, which edges name. */
  ids: string[];
  title: string;
  /** The task that it becomes. */
  name: string;
  jobType: string;
  kind: DssKind;
  settings: DssSetting[];
  disabled: boolean;
}

/** One of `params.configuration`. */
export interface DssSetting {
  /** `special`, `runtime`, `startup`. */
  group: string;
  key: string;
  value: unknown;
}

const KINDS: Record<string, DssKind> = {
  'linkis.shell.sh': 'shell',
  'linkis.python.python': 'python',
  'linkis.jdbc.jdbc': 'sql',
  'linkis.control.empty': 'virtual',
  'workflow.subflow': 'subflow',
  'linkis.appconn.eventchecker.eventsender': 'sender',
  'linkis.appconn.eventchecker.eventreceiver': 'receiver',
  'linkis.appconn.datachecker': 'datachecker',
};

/** Names of earlier versions. */
const OLDER_TYPES: Record<string, string> = {
  'ujes.shell': 'linkis.shell.sh',
  'wtss.connector': 'linkis.control.empty',
  flow: 'workflow.subflow',
  'wtss.eventcheckerf': 'linkis.appconn.eventchecker.eventsender',
  'wtss.eventcheckerw': 'linkis.appconn.eventchecker.eventreceiver',
  'wtss.datachecker': 'linkis.appconn.datachecker',
};

const SCRIPT_TYPES = /^linkis\.(?:spark|hive|scala|presto|trino|flink|pipeline|nebula)\./;

export function readNode(raw: Json, name: string): DssNode {
  const written = (textOf(raw['jobType']) ?? textOf(raw['type']) ?? '').trim();
  const jobType = (OLDER_TYPES[written] ?? written).replace(/^linkis\.appjoint\./, 'linkis.appconn.');
  const settings = settingsOf(raw);
  return {
    raw,
    ids: [...new Set([idOf(raw['id']), idOf(raw['key'])].filter((id) => id !== null))],
    title: nodeTitle(raw),
    name,
    jobType,
    kind: KINDS[jobType] ?? (SCRIPT_TYPES.test(jobType) ? 'script' : 'unknown'),
    settings,
    disabled: settings.some(
      ({ key, value }) => key === 'auto.disabled' && textOf(value)?.trim().toLowerCase() === 'true',
    ),
  };
}

export function nodeTitle(raw: Json): string {
  return storableText((textOf(raw['title']) ?? textOf(raw['name']) ?? '').trim());
}

/** Each setting of each group; maps inside a group are opened. */
function settingsOf(raw: Json): DssSetting[] {
  const configuration = mapOf(mapOf(raw['params'])['configuration']);
  return Object.entries(configuration).flatMap(([group, values]) => {
    const map = asMap(values);
    if (map === null) return [{ group: 'configuration', key: group, value: values }];
    return Object.entries(map).flatMap(([key, value]): DssSetting[] => {
      const inner = asMap(value);
      return inner === null
        ? [{ group, key, value }]
        : Object.entries(inner).map(([innerKey, innerValue]) => ({ group, key: innerKey, value: innerValue }));
    });
  });
}

/** A setting as text, wherever it stands; older files have it in `jobContent`. */
export function settingOf(node: DssNode, key: string): string | null {
  for (const setting of node.settings) {
    const text = setting.key === key ? textOf(setting.value) : null;
    if (text !== null) return text.trim();
  }
  return textOf(mapOf(node.raw['jobContent'])[key])?.trim() ?? null;
}

/** The topic and name by which senders and receivers find one another; null when one of them is missing. */
export function signalOf(node: DssNode): string | null {
  const [topic, name] = [settingOf(node, 'msg.topic'), settingOf(node, 'msg.name')];
  return topic === null || name === null ? null : `${topic} ${name}`;
}
