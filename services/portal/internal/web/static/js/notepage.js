// A note on its own page, with its transcript beside it.
import { api, failed, t } from "./lib.js";
import { Conversation } from "./conversation.js";
import { shortcuts } from "./keys.js";

const view = new Conversation();
shortcuts([
  { key: "Alt ↓", does: t("key.next.writing") },
  { key: "Alt ↑", does: t("key.previous.writing") },
  { key: "n", does: t("key.next"), run: () => view.note.step(1) },
  { key: "p", does: t("key.previous"), run: () => view.note.step(-1) },
  { key: "g", does: t("key.approve"), run: () => view.note.approve() },
]);
try {
  view.learn((await api("GET", "/api/v1/areas")).areas);
} catch (err) {
  failed(err);
}
view.show(document.querySelector("[data-conversation]").dataset.conversation);
document.documentElement.dataset.ready = "note";
