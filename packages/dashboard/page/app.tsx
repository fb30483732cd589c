import type { ClusterHistory, ClusterState } from '@gopush/cluster';
import { useEffect, useState } from 'preact/hooks';
import { Causes } from './causes.tsx';
import { Charts } from './charts.tsx';
import { ClusterMap } from './cluster-map.tsx';
import { Header } from './header.tsx';
import { KeyForm } from './key-form.tsx';
import { followCluster } from './live.ts';
import { LookUp } from './look-up.tsx';
import type { Query } from './look-up-kinds.ts';
import { isThere } from './node-columns.ts';
import { NodeTable } from './node-table.tsx';
import { readHistory } from './recent.ts';
import { Restarts } from './restarts.tsx';
import { Rooms } from './rooms.tsx';
import { Routes } from './routes.tsx';

/** How often the last 15 minutes are read again, in milliseconds: they have steps of 10 s. */
const historyMs = 10_000;

/** The page. */
export function App() {
  const [state, setState] = useState<ClusterState>();
  const [history, setHistory] = useState<ClusterHistory>();
  const [problem, setProblem] = useState<{ readonly text: string; readonly needsKey: boolean }>();
  const [tries, setTries] = useState(0);
  const [wanted, setWanted] = useState<Query>();
  useEffect(
    () =>
      followCluster({
        onState(next) {
          setState(next);
          setProblem(undefined);
        },
        onProblem: (text, needsKey) => setProblem({ text, needsKey }),
      }),
    [tries],
  );
  useEffect(() => {
    const read = (): void => void readHistory().then((next) => next && setHistory(next));
    read();
    const timer = setInterval(read, historyMs);
    return () => clearInterval(timer);
  }, [tries]);
  const lookUp = (query: Query): void => {
    setWanted(query);
    document.getElementById('look-up')?.scrollIntoView();
  };
  return (
    <>
      <Header state={state} problem={problem?.text} />
      <main>
        {problem?.needsKey && <KeyForm onKey={() => setTries(tries + 1)} text={problem.text} />}
        {state === undefined ? (
          !problem?.needsKey && <p class="empty">{problem?.text ?? 'Reading the cluster …'}</p>
        ) : (
          <>
            <ClusterMap state={state} />
            <NodeTable nodes={state.nodes} at={state.at} leftOut={state.leftOut.nodes} />
            {history && <Charts history={history} />}
            <Restarts state={state} />
            <Routes state={state} />
            <LookUp
              wanted={wanted}
              products={state.products.map(({ product }) => product)}
              agents={state.nodes.filter((node) => node.tier === 'agent' && isThere(node))}
              servers={state.nodes.filter(({ tier, state: is }) => tier === 'push-server' && is === 'ready')}
              isAtServer={state.nodes.some(({ tier, name }) => tier === 'push-server' && name === state.by)}
            />
            <div class="pair">
              <Rooms
                rooms={state.rooms}
                leftOut={state.leftOut.rooms}
                onRoom={(room) => lookUp(roomQuery(room, state))}
              />
              <Causes state={state} onCode={(name) => lookUp({ kind: 'failure', name, product: '' })} />
            </div>
          </>
        )}
      </main>
    </>
  );
}

/** If products are isolated, the rooms of all but the default one are told with their product. */
function roomQuery(room: string, { products }: ClusterState): Query {
  const product = products.find((one) => room.startsWith(`${one.product}/`))?.product;
  return { kind: 'room', name: product === undefined ? room : room.slice(product.length + 1), product: product ?? '' };
}
