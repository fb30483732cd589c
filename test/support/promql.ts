/** A selector of an expression: a metric and what its labels must be. */
interface Selector {
  /** Absent if only the labels select. */
  readonly metric: string | undefined;
  readonly matchers: readonly Matcher[];
}

/** One condition of a selector. */
interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** What an expression of PromQL names. */
export interface Names {
  readonly selectors: readonly Selector[];
  /** Labels by which is grouped or joined. */
  readonly grouping: readonly string[];
}

const joining = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const operators = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const functions = new Set(['sum', 'max', 'min', 'count', 'rate', 'increase', 'histogram_quantile', 'time', 'vector']);
const tokens = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d+[smhdwy]\b|\d+(?:\.\d+)?|[a-zA-Z_:][\w:]*|=~|!~|!=|==|>=|<=|\$\w+|\S/g;

/**
 * Reads which metrics and labels an expression of PromQL names (https://prometheus.io/docs/prometheus/latest/querying/basics/). What the
 * functions make of them is not looked at.
 *
 * @throws Error for a function that is not known here, and for braces that do not end
 */
export function namesIn(expression: string): Names {
  const left = expression.match(tokens) ?? [];
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  for (let token = left.shift(); token !== undefined; token = left.shift()) {
    if (token === '{') {
      selectors.push({ metric: undefined, matchers: readMatchers(left, expression) });
      continue;
    }
    if (!/^[a-zA-Z_:]/.test(token) || operators.has(token)) continue;
    if (joining.has(token)) grouping.push(...readList(left));
    else if (left[0] === '(' || functions.has(token)) {
      if (!functions.has(token)) throw new Error(`${expression}: no function ${token} is known`);
    } else {
      const isLimited = left[0] === '{' && left.shift() !== undefined;
      selectors.push({ metric: token, matchers: isLimited ? readMatchers(left, expression) : [] });
    }
  }
  return { selectors, grouping };
}

function readList(left: string[]): string[] {
  const end = left.indexOf(')');
  return left.splice(0, end + 1).filter((token) => /^\w/.test(token));
}

function readMatchers(left: string[], expression: string): Matcher[] {
  const end = left.indexOf('}');
  if (end < 0) throw new Error(`${expression}: a brace does not end`);
  const inner = left.splice(0, end + 1).filter((token) => token !== ',' && token !== '}');
  const matchers: Matcher[] = [];
  for (let at = 0; at < inner.length; at += 3) {
    const [label = '', operator = '', value = ''] = inner.slice(at, at + 3);
    if (!/^[a-zA-Z_]\w*$/.test(label) || !/^(=|!=|=~|!~)$/.test(operator) || !value.startsWith('"')) {
      throw new Error(`${expression}: ${label}${operator}${value} is no condition`);
    }
    matchers.push({ label, operator, value: JSON.parse(value) as string });
  }
  return matchers;
}
