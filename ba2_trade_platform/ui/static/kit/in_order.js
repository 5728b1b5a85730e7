// What is pressed before the page is connected waits in the socket's own queue, which keeps the order. NiceGUI has each event
// wait by a timer of its own instead, so that of two quick keys the second could arrive first. Where the handshake is part of
// connecting, nothing can be sent before it; a page that was prefetched shakes hands later, and waits as NiceGUI has it.
let shaken = false;
Object.defineProperty(window, "did_handshake", {
  get: () => shaken || window.socket?.io?.opts?.query?.implicit_handshake === true,
  set: (value) => { shaken = value; },
});
