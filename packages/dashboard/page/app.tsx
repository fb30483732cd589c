import type { ClusterHistory, ClusterState } from '@gopush/cluster';
import { useEffect, useState } from 'preact/hooks';
import { Causes } from './causes.tsx';
import { Charts } from './charts.tsx';
import { ClusterMap } from './cluster-map.tsx';
import { Header } from './header.tsx';
import { KeyForm } from './key-form.tsx';
import { followCluster } from './live.ts';
import { LookUp } from './look-up.tsx';
import { NodeTable } from './node-table.tsx';
import { readHistory } from './recent.ts';
import { Rooms } from './rooms.tsx';
import { Timeline } from './timeline.tsx';

/** How often the last 15 minutes are read again, in milliseconds: they have steps of 10 s. */
const historyMs = 10_000;

/** The page. */
export function App() {
  const [state, setState] = useState<ClusterState>();
  const [history, setHistory] = useState<ClusterHistory>();
  const [problem, setProblem] = useState<{ readonly text: string; readonly needsKey: boolean }>();
  const [tries, setTries] = useState(0);
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
            <Timeline state={state} history={history} />
            <LookUp />
            <Rooms rooms={state.rooms} leftOut={state.leftOut.rooms} />
            <Causes state={state} />
          </>
        )}
      </main>
    </>
  );
}
