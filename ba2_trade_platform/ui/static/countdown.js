// Counts down to the instants that cells name in data-due (milliseconds since 1970), so that the server need not.
setInterval(() => {
  for (const cell of document.querySelectorAll("[data-due]")) {
    const seconds = Math.ceil((Number(cell.dataset.due) - Date.now()) / 1000);
    const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    const two = (number) => String(number).padStart(2, "0");
    const left = hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
    const text = seconds > 0 ? ` in ${left}` : " due now";
    if (cell.textContent !== text) cell.textContent = text;
  }
}, 500);
