/**
 * A graph of tasks: moved and zoomed by pointer, walked through by the arrow keys, opened by Enter. Small graphs are elements, larger ones are drawn; both behave alike.
 * With `onConnect` edges can be drawn from node to node, with `onDelete` what is chosen can be removed (in graphs of up to 300 nodes).
 */
import { Maximize, Minus, Plus } from 'lucide-react';
import {
  lazy,
  memo,
  Suspense,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { useTranslation } from 'react-i18next';
import { addTexts } from '../../i18n/index.ts';
import { IconButton } from '../button.tsx';
import { Spinner } from '../spinner.tsx';
import { CanvasGraph } from './canvas-graph.tsx';
import type { Camera } from './drawn.ts';
import { indexGraph, neighbour, type DagEdge, type DagNode, type Direction, type IndexedGraph } from './graph.ts';
import { layoutGraph } from './layout.ts';

export type { DagEdge, DagNode } from './graph.ts';

const FlowGraph = lazy(async () => ({ default: (await import('./flow-graph.tsx')).FlowGraph }));

/** More nodes than this are drawn on a canvas: elements would not keep up with a hand that moves them. */
const FLOW_NODES = 300;

export interface DagGraphProps {
  nodes: readonly DagNode[];
  edges: readonly DagEdge[];
  /** Id of the chosen node. */
  selected: string | null;
  onSelect: (id: string | null) => void;
  /** By Enter or a double click. */
  onOpen?: (id: string) => void;
  onConnect?: (from: string, to: string) => void;
  onDelete?: (what: { nodes: string[]; edges: DagEdge[] }) => void;
  /** What the graph is of, for readers of screens. */
  label: string;
}

export function DagGraph(props: DagGraphProps): ReactNode {
  const { nodes, selected, onSelect, onOpen, onConnect, onDelete, label } = props;
  const { t } = useTranslation('dag');
  const hint = useId();
  const camera = useRef<Camera>(null);
  const { ids, graph } = useStructure(props);
  const layout = useMemo(() => layoutGraph(graph), [graph]);
  const at = useMemo(() => new Map(ids.map((id, index) => [id, index])), [ids]);
  const chosen = (selected === null ? undefined : at.get(selected)) ?? null;
  const [isWalking, setIsWalking] = useState(false);

  const frame = useRef<HTMLDivElement>(null);

  // Also when there is less room than before, such as beside a panel that has opened.
  useEffect(() => {
    if (chosen === null) return;
    const show = (): void => camera.current?.show(chosen);
    const observer = new ResizeObserver(show);
    observer.observe(frame.current!);
    show();
    return () => observer.disconnect();
  }, [chosen]);

  const select = (index: number | null): void => onSelect(index === null ? null : (ids[index] ?? null));
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = ARROWS[event.key];
    if (direction)
      select(chosen === null ? firstOf(graph) : (neighbour(graph, layout.places, chosen, direction) ?? chosen));
    else if (event.key === 'Enter' && chosen !== null) onOpen?.(ids[chosen]!);
    else if (event.key === 'Escape') select(null);
    else if (event.key === '+' || event.key === '=') camera.current?.zoomBy(1.3);
    else if (event.key === '-') camera.current?.zoomBy(1 / 1.3);
    else if (event.key === '0') camera.current?.fit();
    else return;
    setIsWalking(true);
    event.preventDefault();
  };

  const drawn = {
    nodes,
    graph,
    layout,
    selected: chosen,
    onSelect: select,
    onOpen: onOpen && ((index: number) => onOpen(ids[index]!)),
    onConnect,
    onDelete,
    camera,
  };
  const Drawing = nodes.length <= FLOW_NODES ? FlowGraph : CanvasGraph;
  return (
    <div ref={frame} className="relative h-full min-h-64 w-full overflow-hidden bg-surface-2" data-dag="">
      <div
        role="application"
        aria-label={label}
        aria-describedby={hint}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => setIsWalking(false)}
        className="absolute inset-0 -outline-offset-2!"
      >
        <div className="h-full" aria-hidden>
          <Suspense
            fallback={
              <div className="grid h-full place-items-center">
                <Spinner />
              </div>
            }
          >
            <Drawing {...drawn} />
          </Suspense>
        </div>
      </div>
      <p id={hint} className="sr-only">
        {t('hint')}
      </p>
      <p className="sr-only" aria-live="polite">
        {isWalking && chosen !== null && <Described node={nodes[chosen]!} graph={graph} index={chosen} ids={ids} />}
      </p>
      <AsList nodes={nodes} graph={graph} ids={ids} />
      <Controls camera={camera} />
    </div>
  );
}

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

function firstOf({ before }: IndexedGraph): number | null {
  const first = before.findIndex((nodes) => nodes.length === 0);
  return first === -1 ? null : first;
}

/** The same object as long as names and edges are the same, whatever became of states. */
function useStructure({ nodes, edges }: Pick<DagGraphProps, 'nodes' | 'edges'>): {
  ids: readonly string[];
  graph: IndexedGraph;
} {
  const [known, setKnown] = useState(() => structureOf(nodes, edges));
  const isSame =
    known.ids.length === nodes.length &&
    known.ids.every((id, index) => nodes[index]!.id === id) &&
    (known.edges === edges ||
      (known.edges.length === edges.length &&
        known.edges.every(({ from, to }, index) => edges[index]!.from === from && edges[index]!.to === to)));
  if (isSame) return known;
  const next = structureOf(nodes, edges);
  setKnown(next);
  return next;
}

function structureOf(nodes: readonly DagNode[], edges: readonly DagEdge[]) {
  const ids = nodes.map(({ id }) => id);
  return { ids, edges, graph: indexGraph(ids, edges) };
}

function Described({
  node,
  graph,
  index,
  ids,
}: {
  node: DagNode;
  graph: IndexedGraph;
  index: number;
  ids: readonly string[];
}): ReactNode {
  const { t } = useTranslation('dag');
  const { t: common } = useTranslation();
  const names = (nodes: readonly number[]): string =>
    nodes.length === 0
      ? common('none')
      : nodes
          .slice(0, 5)
          .map((each) => ids[each])
          .join(', ');
  const state = node.state === undefined ? node.type : common(`state.${node.state}`);
  const { before, after } = graph;
  return t('at', { label: node.label, state, before: names(before[index]!), after: names(after[index]!) });
}

/** The same graph for readers of screens. */
function AsList({
  nodes,
  graph,
  ids,
}: {
  nodes: readonly DagNode[];
  graph: IndexedGraph;
  ids: readonly string[];
}): ReactNode {
  const { t } = useTranslation('dag');
  return (
    <ul className="sr-only" aria-label={t('list')}>
      {nodes.slice(0, LISTED).map((node, index) => (
        <Item key={node.id} node={node} graph={graph} index={index} ids={ids} />
      ))}
      {nodes.length > LISTED && <li>{t('more', { count: nodes.length - LISTED })}</li>}
    </ul>
  );
}

const LISTED = 300;

const Item = memo(function Item(props: Parameters<typeof Described>[0]): ReactNode {
  return (
    <li>
      <Described {...props} />
    </li>
  );
});

function Controls({ camera }: { camera: RefObject<Camera | null> }): ReactNode {
  const { t } = useTranslation('dag');
  return (
    <div className="absolute right-2 bottom-2 flex flex-col rounded-md border border-line bg-surface shadow-sm">
      <IconButton size="small" label={t('zoomIn')} onClick={() => camera.current?.zoomBy(1.3)}>
        <Plus className="size-4" aria-hidden />
      </IconButton>
      <IconButton size="small" label={t('zoomOut')} onClick={() => camera.current?.zoomBy(1 / 1.3)}>
        <Minus className="size-4" aria-hidden />
      </IconButton>
      <IconButton size="small" label={t('fit')} onClick={() => camera.current?.fit()}>
        <Maximize className="size-4" aria-hidden />
      </IconButton>
    </div>
  );
}

addTexts('dag', {
  en: {
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    fit: 'Show all',
    hint: 'Arrow keys move along the edges and within a column, Enter opens a task, plus and minus zoom, 0 shows all.',
    list: 'The tasks as a list',
    more: 'and {{count}} more, which the table has',
    at: '{{label}}, {{state}}. After: {{before}}. Before: {{after}}.',
  },
  zh: {
    zoomIn: '放大',
    zoomOut: '缩小',
    fit: '显示全部',
    hint: '方向键沿连线或在同一列内移动，回车打开任务，加减号缩放，0 显示全部。',
    list: '任务列表',
    more: '另有 {{count}} 个，见表格',
    at: '{{label}}，{{state}}。上游：{{before}}。下游：{{after}}。',
  },
});
