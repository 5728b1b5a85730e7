// Counts down to the instants that elements name in data-due (milliseconds since 1970), so that the server need not.
const two = (number) => String(number).padStart(2, "0");
const left = (seconds) => {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
};
const count = () => {
  for (const element of document.querySelectorAll("[data-due]")) {
    const seconds = Math.ceil((Number(element.dataset.due) - Date.now()) / 1000);
    const text = seconds > 0 ? ` in ${left(seconds)}` : " due now";
    if (element.textContent !== text) element.textContent = text;
  }
};
setInterval(count, 500);
// A table that is updated makes its cells anew: they are filled before they are painted.
new MutationObserver(count).observe(document.documentElement, { childList: true, subtree: true });
