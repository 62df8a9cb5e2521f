/** A graph of elements, by xyflow: for graphs that are small, or edited. */
import '@xyflow/react/dist/base.css';
import {
  BaseEdge,
  Handle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Edge,
  type EdgeChange,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react';
import clsx from 'clsx';
import { memo, useCallback, useEffect, useImperativeHandle, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { STATE_LOOK, TONE_CLASS } from '../state-badge.tsx';
import { ZOOM_FIT_MAX, ZOOM_MAX, ZOOM_MIN, type Drawn } from './drawn.ts';
import { NODE_HEIGHT, NODE_WIDTH, type DagNode, type Place } from './graph.ts';
import { edgePath } from './paint.ts';

type FlowNode = Node<{ task: DagNode; isEditable: boolean }, 'task'>;
type FlowEdge = Edge<{ from: Place; to: Place; bends: readonly Place[]; isNear: boolean }, 'dag'>;

const NODE_TYPES = { task: memo(TaskNode) };
const EDGE_TYPES = { dag: memo(DagLine) };
/** At which names can still be read. */
const READABLE_ZOOM = 0.62;
/** Of one that cannot be read as a whole, unless it has so many nodes that only its shape can be seen. */
const NEAR_ZOOM = 0.8;
const MANY = 60;
const MARGIN_PX = 16;
const FIT = { maxZoom: ZOOM_FIT_MAX, padding: 0.08 };
const HANDLES = [
  { type: 'target' as const, position: Position.Left, x: 0, y: NODE_HEIGHT / 2, width: 1, height: 1 },
  { type: 'source' as const, position: Position.Right, x: NODE_WIDTH, y: NODE_HEIGHT / 2, width: 1, height: 1 },
];

export function FlowGraph(drawn: Drawn): ReactNode {
  return (
    <ReactFlowProvider>
      <Flow {...drawn} />
    </ReactFlowProvider>
  );
}

function Flow(drawn: Drawn): ReactNode {
  const { nodes, onSelect, onOpen, onConnect, onDelete } = drawn;
  const [chosenEdges, onEdgesChange] = useChosenEdges();
  const flowNodes = useFlowNodes(drawn);
  const flowEdges = useFlowEdges(drawn, chosenEdges);
  useCamera(drawn);
  const indexOf = (id: string): number => nodes.findIndex((node) => node.id === id);

  return (
    <ReactFlow<FlowNode, FlowEdge>
      nodes={flowNodes}
      edges={flowEdges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onlyRenderVisibleElements={nodes.length > MANY}
      nodesDraggable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      nodesConnectable={onConnect !== undefined}
      elementsSelectable
      disableKeyboardA11y
      minZoom={ZOOM_MIN}
      maxZoom={ZOOM_MAX}
      proOptions={{ hideAttribution: true }}
      deleteKeyCode={onDelete ? ['Backspace', 'Delete'] : null}
      selectionKeyCode={null}
      multiSelectionKeyCode={null}
      onNodeClick={(_event, { id }) => onSelect(indexOf(id))}
      onNodeDoubleClick={(_event, { id }) => onOpen?.(indexOf(id))}
      zoomOnDoubleClick={false}
      onPaneClick={() => onSelect(null)}
      {...(onDelete ? { onEdgesChange } : {})}
      {...(onConnect ? { onConnect: ({ source, target }) => onConnect(source, target) } : {})}
      onBeforeDelete={({ nodes: goneNodes, edges: goneEdges }) => {
        const edges = goneEdges.map(({ source, target }) => ({ from: source, to: target }));
        onDelete?.({ nodes: goneNodes.map(({ id }) => id), edges });
        return Promise.resolve(false);
      }}
    />
  );
}

/** A node that did not change is the same object as before, which is not rendered again. */
function useFlowNodes({ nodes, layout, selected, onConnect }: Drawn): FlowNode[] {
  const known = useRef(new Map<string, FlowNode>());
  const isEditable = onConnect !== undefined;
  return useMemo(() => {
    const next = new Map<string, FlowNode>();
    for (const [index, task] of nodes.entries()) {
      const before = known.current.get(task.id);
      const position = layout.places[index]!;
      const isSame =
        before?.data.task === task && before.position === position && before.selected === (index === selected);
      next.set(task.id, isSame ? before : flowNode(task, position, index === selected, isEditable));
    }
    known.current = next;
    return [...next.values()];
  }, [nodes, layout, selected, isEditable]);
}

function useFlowEdges({ nodes, graph, layout, selected }: Drawn, chosenEdges: ReadonlySet<string>): FlowEdge[] {
  return useMemo(
    () =>
      graph.edges.map(([from, to], index): FlowEdge => {
        const id = `${nodes[from]!.id}\n${nodes[to]!.id}`;
        return {
          id,
          type: 'dag',
          source: nodes[from]!.id,
          target: nodes[to]!.id,
          selected: chosenEdges.has(id),
          focusable: false,
          data: {
            from: layout.places[from]!,
            to: layout.places[to]!,
            bends: layout.bends[index] ?? [],
            isNear: from === selected || to === selected,
          },
        };
      }),
    // Names only matter as the graph does.
    [graph, layout, selected, chosenEdges],
  );
}

/** The ids of edges that are chosen, and what changes them. */
function useChosenEdges(): [ReadonlySet<string>, (changes: EdgeChange<FlowEdge>[]) => void] {
  const [chosenEdges, setChosenEdges] = useState<ReadonlySet<string>>(new Set());
  const onEdgesChange = useCallback((changes: EdgeChange<FlowEdge>[]) => {
    setChosenEdges((before) => {
      const next = new Set(before);
      for (const change of changes) {
        if (change.type !== 'select') continue;
        if (change.selected) next.add(change.id);
        else next.delete(change.id);
      }
      return next;
    });
  }, []);
  return [chosenEdges, onEdgesChange];
}

/** What of the graph is in sight: at first, when it has another layout or size, and when somebody asks. */
function useCamera({ nodes, layout, selected, camera }: Drawn): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  /** What can be read as a whole is shown as a whole; otherwise what is chosen, or where the graph begins. */
  const look = (at: number | null): void => {
    const bounds = boundsOf();
    if (bounds === undefined) return;
    const isReadable = Math.min(bounds.width / layout.width, bounds.height / layout.height) >= READABLE_ZOOM;
    const place = at === null ? undefined : layout.places[at];
    if (isReadable || (place === undefined && nodes.length > MANY)) void flow.fitView(FIT);
    else if (place !== undefined)
      void flow.setCenter(place.x + NODE_WIDTH / 2, place.y + NODE_HEIGHT / 2, { zoom: NEAR_ZOOM });
    else
      void flow.setViewport({
        zoom: NEAR_ZOOM,
        x: MARGIN_PX,
        y: Math.max(MARGIN_PX, (bounds.height - layout.height * NEAR_ZOOM) / 2),
      });
  };
  const lookAgain = useRef(look);
  lookAgain.current = look;
  const chosen = useRef(selected);
  chosen.current = selected;

  useImperativeHandle(camera, () => ({
    zoomBy: (factor) => void flow.zoomTo(flow.getZoom() * factor, { duration: 120 }),
    fit: () => void flow.fitView(FIT),
    show: (index) => {
      const { x, y } = layout.places[index]!;
      const bounds = boundsOf();
      if (bounds === undefined) return;
      const { x: left, y: top } = flow.flowToScreenPosition({ x, y });
      const right = left + NODE_WIDTH * flow.getZoom();
      const isSeen = left >= bounds.left && right <= bounds.right && top >= bounds.top && top + 30 <= bounds.bottom;
      if (!isSeen) look(index);
    },
  }));

  useEffect(() => lookAgain.current(chosen.current), [layout]);

  // Beside a form that opens and closes it has another size each time.
  useEffect(() => {
    const place = document.querySelector('[data-dag]');
    if (place === null) return undefined;
    let isFirst = true;
    const observer = new ResizeObserver(() => {
      if (!isFirst) requestAnimationFrame(() => lookAgain.current(chosen.current));
      isFirst = false;
    });
    observer.observe(place);
    return () => observer.disconnect();
  }, []);
}

function boundsOf(): DOMRect | undefined {
  return document.querySelector('[data-dag]')?.getBoundingClientRect();
}

function flowNode(task: DagNode, position: Place, selected: boolean, isEditable: boolean): FlowNode {
  return {
    id: task.id,
    type: 'task',
    position,
    selected,
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    // Without it, what is fitted into view is only what was drawn before.
    measured: { width: NODE_WIDTH, height: NODE_HEIGHT },
    handles: HANDLES,
    data: { task, isEditable },
  };
}

function TaskNode({ data: { task, isEditable }, selected }: NodeProps<FlowNode>): ReactNode {
  const { t } = useTranslation();
  const look = task.state && STATE_LOOK[task.state];
  const Icon = look?.icon;
  const handle = isEditable ? 'size-3! rounded-full border border-line-strong! bg-surface!' : 'opacity-0';
  return (
    <div
      data-task={task.id}
      data-state={task.state}
      className={clsx(
        'flex h-full items-center gap-2 rounded-lg border bg-surface px-2 text-ink shadow-sm',
        selected ? 'border-accent outline-2 outline-accent' : 'border-line hover:border-line-strong',
        task.state === 'skipped' && 'border-dashed',
      )}
    >
      <Handle type="target" position={Position.Left} isConnectable={isEditable} className={handle} />
      {Icon && look && (
        <span className={clsx('grid size-7 shrink-0 place-items-center rounded-md', TONE_CLASS[look.tone])}>
          <Icon className="size-4" aria-hidden />
        </span>
      )}
      <span className="min-w-0 grow leading-tight">
        <span className="block truncate text-[13px] font-medium" title={task.label}>
          {task.label}
        </span>
        <span className="block truncate text-[11px] text-ink-2">
          {task.state ? t(`state.${task.state}`) : task.type}
          {task.note && ` · ${task.note}`}
        </span>
      </span>
      <Handle type="source" position={Position.Right} isConnectable={isEditable} className={handle} />
    </div>
  );
}

function DagLine({ data, selected }: EdgeProps<FlowEdge>): ReactNode {
  if (!data) return null;
  const isMarked = selected === true || data.isNear;
  return (
    <BaseEdge
      path={edgePath(data.from, data.to, data.bends)}
      className={isMarked ? 'stroke-accent!' : 'stroke-line-strong!'}
      style={{ strokeWidth: isMarked ? 2 : 1.25 }}
      interactionWidth={16}
    />
  );
}
