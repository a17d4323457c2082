// Who a participant is by login: how sure that is, and for whom they act.

import { el, t } from "./lib.js";

/** proven tells whether a login has proven who somebody is. The lowest level does not. */
export const proven = (p) => Boolean(p.verified) && p.verified !== "low";

/** loginMarks say how somebody is logged in. */
export const loginMarks = (p) => [
  p.verified ? el("span", { class: proven(p) ? "m-badge" : "m-flag" }, t(`m.verified.${p.verified}`)) : null,
  p.on_behalf_of ? el("span", { class: "m-flag" }, t("m.behalf", { name: p.on_behalf_of })) : null,
].filter(Boolean);
