/** DataSphereStudio files that nobody wrote, for tests: any size, with titles and scripts that make trouble. */
import { seeded } from './seeded.ts';

export interface GeneratedNode {
  key: string;
  id: string;
  title: string;
  jobType: string;
  jobContent: Record<string, unknown> | null;
  params: { variable: Record<string, unknown>; configuration: Record<string, Record<string, unknown>> };
  resources: { fileName: string; resourceId: string; version: string }[];
  layout: { x: number; y: number; width: number; height: number };
  creator: string;
}
export interface GeneratedFlow {
  id: number;
  name: string;
  description: string;
  flowJson: string;
}

const TITLES = [
  'load',
  'load',
  '加载数据',
  'خطوة',
  'шаг',
  'a b',
  '1st',
  '',
  '   ',
  '__proto__',
  'constructor',
  'null',
  'true',
  'on',
  '~',
  'x'.repeat(90),
  '数'.repeat(70),
  'a/b\\c',
  'o\'brien "q"',
  'tab\there',
  'new\nline',
  '🚀 rocket',
  '\ud800half',
  'nul\0',
  '-dash',
  '${x}',
  'é',
  'e\u0301',
  '____',
  'a.b',
  '# no comment',
  'key: value',
  '- item',
  '1e3',
  '0x1f',
  '<<',
  '=',
];
const SCRIPTS = [
  'echo ok',
  'echo ${run_date} ${run_month_begin_std-1}\n',
  'echo "${city:-none}" $[1+1] $[i] $(( 1 ))',
  "awk '{print $1}' <<< 'a b'",
  '',
  '   ',
  'echo ${n+1} ${missing} ${missing-x}',
  'a=$[yyyy',
  'echo ${',
  'echo ${}',
  'print("${city}", f"{1}")',
  '#@set k=5\necho ${k*2}\n',
  'echo \0 \ud800 \r\n\tx  ',
  'echo $${run_date} $$[',
  'x: |\n  - y\n',
  '  leading\n trailing  \n\n\n',
  '\u2028\u2029\u0085\ufeff',
  'echo &{YYYY-MM-DD-1D}',
  'echo !{x}',
];
const TYPES = [
  'linkis.shell.sh',
  'linkis.shell.sh',
  'linkis.python.python',
  'linkis.spark.sql',
  'linkis.spark.py',
  'linkis.spark.scala',
  'linkis.hive.hql',
  'linkis.jdbc.jdbc',
  'linkis.control.empty',
  'linkis.appconn.eventchecker.eventsender',
  'linkis.appconn.eventchecker.eventreceiver',
  'linkis.appconn.datachecker',
  'linkis.appconn.qualitis',
  'linkis.appconn.visualis.display',
  'linkis.appconn.sendemail',
  'linkis.appjoint.mlss',
  '',
  "'; rm -rf /",
];
const VALUES: unknown[] = [
  '1',
  'Köln',
  '${run_date}',
  '${city}',
  '$[x',
  '',
  null,
  3,
  true,
  { a: [1] },
  'nul\0',
  '\udfff',
  '${',
];
const NAMES = [
  'city',
  'n',
  'late',
  'run_date',
  'run_year_begin',
  'PATH',
  'a b',
  '',
  '__proto__',
  'system.x',
  'secret.y',
  'ß',
  'msg.body',
];

/** `count` nodes with up to three edges each to earlier ones, and a node for each of `children`. */
export function generatedFlow(
  seed: number,
  { id, name, count, children }: { id: number; name: string; count: number; children: number[] },
): GeneratedFlow {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const nodes = Array.from({ length: count }, (_, index) => generatedNode(`n${id}-${index}`, pick, random));
  for (const [index, child] of children.entries()) {
    const node = nodes[index % Math.max(1, count)];
    if (node) Object.assign(node, { jobType: 'workflow.subflow', jobContent: { embeddedFlowId: child } });
  }
  const edges = nodes.flatMap((node, index) =>
    Array.from({ length: index === 0 ? 0 : Math.floor(random() * 4) }, () => ({
      source: nodes[Math.floor(random() * index)]?.id ?? '',
      target: node.id,
      sourceLocation: 'bottom',
      targetLocation: 'top',
    })),
  );
  const props = [{ 'user.to.proxy': 'hadoop' }, ...Array.from({ length: 4 }, () => ({ [pick(NAMES)]: pick(VALUES) }))];
  const flow = {
    edges,
    nodes,
    props,
    type: 'flow',
    comment: pick(SCRIPTS),
    updateTime: 1_598_495_936_594,
    updateUser: 'hadoop',
    resources: [],
    scheduleParams: { proxyuser: 'hadoop' },
    contextID: '{"type":"HAWorkFlowContextID","value":"{}"}',
    orcVersion: 'v000001',
  };
  return { id, name, description: pick(TITLES), flowJson: JSON.stringify(flow) };
}

function generatedNode(key: string, pick: <T>(from: readonly T[]) => T, random: () => number): GeneratedNode {
  const jobType = pick(TYPES);
  const runtime: Record<string, unknown> = jobType.includes('event')
    ? {
        'msg.type': 'SEND',
        'msg.topic': pick(['bdp_tac_a', 'bdp_tac_b', '']),
        'msg.name': pick(['m1', 'm2']),
        'max.receive.hours': pick(['1', '0.5', 'x', '-3', '99999999']),
      }
    : { 'wds.linkis.rm.yarnqueue': 'q', password: 'hunter2' };
  return {
    key,
    id: key,
    title: pick(TITLES),
    jobType,
    jobContent: pick([null, { script: pick(SCRIPTS) }, { script: pick(SCRIPTS) }, { script: `${key}.sh` }]),
    params: {
      variable: random() < 0.3 ? { [pick(NAMES)]: pick(VALUES) } : {},
      configuration: {
        special: { 'auto.disabled': pick(['true', 'false', '', null]) },
        runtime,
        startup: { 'job.failed.retry.count': pick(['0', '2', 'x']) },
      },
    },
    resources:
      random() < 0.2
        ? [{ fileName: pick(['a.txt', '../x', '/etc/passwd', 'sub/b.py']), resourceId: 'r', version: 'v000001' }]
        : [],
    layout: { x: Math.floor(random() * 1000), y: Math.floor(random() * 1000), width: 150, height: 40 },
    creator: pick(TITLES),
  };
}
