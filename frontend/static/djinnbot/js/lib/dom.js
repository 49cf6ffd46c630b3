// Build elements, and bring a live tree to a new shape without losing focus, scroll or open parts.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle", "rect", "g", "line", "text", "polygon", "use"]);

/** h("p", {class: "muted", dataset: {tone: "ok"}}, "text", child, [more]) */
export function h(tag, props, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS(SVG, tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "dataset") Object.assign(element.dataset, clean(value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function clean(values) {
  return Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined && v !== null));
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replace what `parent` holds by `children`, keeping every node that can stay. */
export function render(parent, ...children) {
  const holder = document.createDocumentFragment();
  append(holder, children);
  morphChildren(parent, holder);
}

// What a person has changed by hand stays as it is.
const OWN_STATE = { DETAILS: ["open"], INPUT: ["value", "checked"], TEXTAREA: [], DIALOG: ["open"] };

function morph(live, wanted) {
  if (live.nodeType !== wanted.nodeType || live.nodeName !== wanted.nodeName) return wanted;
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== wanted.data) live.data = wanted.data;
    return live;
  }
  if (key(live) !== key(wanted)) return wanted;
  const kept = OWN_STATE[live.nodeName] ?? [];
  for (const { name } of [...live.attributes]) {
    if (!wanted.hasAttribute(name) && !kept.includes(name)) live.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (!kept.includes(name) && live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  // A region with an owner of its own (a transcript) is not looked into.
  if (!wanted.hasAttribute("data-own")) morphChildren(live, wanted);
  return live;
}

function key(node) {
  return node.getAttribute?.("data-key") ?? node.id ?? "";
}

function morphChildren(live, wanted) {
  const byKey = new Map();
  for (const node of live.childNodes) {
    if (node.nodeType === Node.ELEMENT_NODE && key(node)) byKey.set(key(node), node);
  }
  let at = live.firstChild;
  for (const next of [...wanted.childNodes]) {
    const keyed = next.nodeType === Node.ELEMENT_NODE && key(next) ? byKey.get(key(next)) : null;
    const candidate = keyed ?? (at && !(at.nodeType === 1 && key(at)) ? at : null);
    const result = candidate ? morph(candidate, next) : next;
    if (result === at) {
      at = at.nextSibling;
    } else {
      live.insertBefore(result, at);
      if (result !== candidate && candidate && candidate === at) {
        at = at.nextSibling;
        candidate.remove();
      }
    }
  }
  while (at) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

/** Run `work` at most once a frame, or soon when the page is hidden. */
export function perFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      work();
    };
    if (document.hidden) setTimeout(run, 200);
    else requestAnimationFrame(run);
  };
}

/** One listener for all `data-action` elements below `root`. */
export function actions(root, handlers, event = "click") {
  root.addEventListener(event, (happened) => {
    const element = happened.target.closest?.("[data-action]");
    const handler = element && root.contains(element) && handlers[element.dataset.action];
    if (handler) handler(element, happened);
  });
}
