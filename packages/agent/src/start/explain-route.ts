import { defaultProduct, maxProductBytes, maxUidBytes, nameFault } from '@gopush/contract';
import { type AdminRoute, respondJson, respondText } from '@gopush/service';
import { explainChoice } from '../route/explain-choice.ts';
import type { AgentContext } from '../serve/agent-context.ts';

/** Serves `GET /cluster/route?product=…&uid=…`: which target a new session of a user would get, and why. */
export function createRouteExplanation({ hooks, sources, fleet }: AgentContext): AdminRoute {
  return {
    needs: 'key',
    async serve({ url = '' }, response) {
      const query = new URLSearchParams(url.split('?', 2)[1]);
      const uid = query.get('uid') ?? '';
      const name = query.get('product') ?? defaultProduct;
      const fault = nameFault(uid, maxUidBytes) ?? nameFault(name, maxProductBytes);
      if (fault !== undefined) return respondText(response, 400, `found ${fault}, wanted a product and a uid\n`);
      const { products, otherProducts } = hooks();
      const source = products.get(name) ?? otherProducts;
      if (source === undefined) return respondText(response, 404, `the router has no product ${name}\n`);
      const { from, policy, product: entry } = source;
      if (from.kind === 'function') {
        const why = [
          `a function of the router (${from.file}) names the targets of each request: it is not called here`,
        ];
        return respondJson(response, 200, { uid, product: name, entry, target: null, why, ranking: [] });
      }
      const product = fleet.product(entry, policy, false);
      product.list(await sources.targets(from), Date.now(), fleet.health.slowStartMs);
      const explained = explainChoice(product, uid, from.kind, Date.now(), fleet.health.slowStartMs);
      respondJson(response, 200, { uid, product: name, entry, ...explained });
    },
  };
}
