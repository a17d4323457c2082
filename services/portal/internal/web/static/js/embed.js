// Puts the assistant on an authority's own site: <script src="https://…/embed.js" async></script>. It makes one button and,
// when that is pressed, one frame. It reads nothing of the page, sets no cookies and needs no inline styles or scripts, so
// a strict policy allows it: script-src and frame-src with the portal's origin.
// Attributes of the script tag: data-label (the button's words), data-title, data-lang (da or en), data-municipality.
(() => {
  const tag = document.currentScript;
  const origin = new URL(tag.src).origin;
  const english = (tag.dataset.lang || document.documentElement.lang || "da").startsWith("en");
  const words = english ? ["Ask for help", "Close", "Digital assistant"] : ["Spørg om hjælp", "Luk", "Digital assistent"];
  const label = tag.dataset.label || words[0];

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; position: fixed; right: 16px; bottom: 16px; z-index: 2147483000; font: 600 17px/1.4 system-ui, sans-serif; }
    button { font: inherit; border: 2px solid #004d99; border-radius: 12px; padding: 12px 22px; background: #004d99; color: #fff; cursor: pointer; box-shadow: 0 2px 12px rgb(0 0 0 / .25); float: right; }
    button:hover { background: #003a73; }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #004d99; }
    iframe { display: block; clear: both; border: 1px solid #8e8e8e; border-radius: 12px; background: #fff; margin: 0 0 10px; width: min(460px, calc(100vw - 32px)); height: min(720px, calc(100vh - 110px)); box-shadow: 0 4px 28px rgb(0 0 0 / .3); }
    iframe[hidden] { display: none; }
    @media (forced-colors: active) { button { border-color: ButtonText; } }
  `);
  root.adoptedStyleSheets = [sheet];
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.setAttribute("aria-expanded", "false");
  root.append(button);

  let frame;
  const show = (open) => {
    if (open && !frame) {
      frame = document.createElement("iframe");
      frame.title = tag.dataset.title || words[2];
      const query = new URLSearchParams({ sprog: english ? "en" : "da", kommune: tag.dataset.municipality || "" });
      frame.src = `${origin}/indlejret?${query}`;
      root.prepend(frame);
    }
    frame.hidden = !open;
    button.textContent = open ? words[1] : label;
    button.setAttribute("aria-expanded", String(open));
    (open ? frame : button).focus();
  };
  button.addEventListener("click", () => show(!frame || frame.hidden));
  root.addEventListener("keydown", (e) => e.key === "Escape" && frame && !frame.hidden && show(false));
  addEventListener("message", (e) => {
    if (e.origin === origin && e.source === frame?.contentWindow && e.data === "samtale:close") show(false);
  });
  const put = () => document.body.append(host);
  if (document.body) put();
  else addEventListener("DOMContentLoaded", put, { once: true }); // the tag stands in the head
})();
