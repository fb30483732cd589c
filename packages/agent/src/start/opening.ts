import type { Config } from '@gopush/contract';
import type { Lifetime, Logger, Metrics } from '@gopush/service';

/** What the parts of an agent are opened with. */
export interface Opening {
  readonly config: Config;
  /** Folder of the project. */
  readonly dir: string;
  /** Name of this agent. */
  readonly node: string;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Registers how to close a part that was opened. */
  readonly opened: Lifetime['opened'];
}
