// While the socket is gone the numbers on the page are old: it is greyed, its buttons rest, and the status bar says since when.
// The framework tells it by the popup that it shows meanwhile, which covers the rail and is hidden instead.
const popup = document.getElementById("popup");
const tell = () => {
  const gone = popup.ariaHidden === "false";
  if (gone === document.body.classList.contains("ba2-cut-off")) return;
  document.body.classList.toggle("ba2-cut-off", gone);
  const said = document.querySelector(".ba2-no-connection");
  if (said && gone) said.textContent = `No connection since ${new Date().toLocaleTimeString("en-GB", { timeZone: said.dataset.zone })}`;
};
new MutationObserver(tell).observe(popup, { attributes: true, attributeFilter: ["aria-hidden"] });
