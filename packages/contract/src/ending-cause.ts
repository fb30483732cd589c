/** Causes that a target may report of a client that was handed over to it. */
const reported = [
  'client closed',
  'client reset',
  'target closed',
  'target reset',
  'target silent',
  'idle',
  'too old',
  'not resumed',
] as const;

export type ReportedCause = (typeof reported)[number];

/** Why an upgraded connection ended: the label `cause` of `gopush_agent_tunnels_closed_total`. */
export type EndingCause = ReportedCause | 'drained' | 'forged mark' | 'fault' | 'cut';

/** Whether a text is a cause that targets may report. Any other text would make a metric of its own. */
export function isReportedCause(text: string): text is ReportedCause {
  return (reported as readonly string[]).includes(text);
}
