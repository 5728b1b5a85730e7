// A list takes its place anew when its size changes. Quasar looks for that size six times within 60 ms and then gives up, so that
// on a busy machine a list stayed unseen; Quasar places an open list when the page scrolls, and this asks it to.
const place = new ResizeObserver(() => window.dispatchEvent(new Event("scroll")));
const follow = (nodes) => nodes.forEach((node) => node.matches?.(".q-menu") && place.observe(node));
const lists = new MutationObserver((records) => records.forEach(({ addedNodes }) => follow(addedNodes)));
const portals = new MutationObserver((records) => records.forEach(({ addedNodes }) => addedNodes.forEach((node) => {
  if (!node.id?.startsWith("q-portal--menu")) return;
  follow(node.childNodes);
  lists.observe(node, { childList: true });
})));
portals.observe(document.body, { childList: true });
