// The web client: shows what the world says, sends what the player types, and never loses either when the network does.
// The frames are described in docs/websocket.md.
"use strict";

const SCROLLBACK = 5000;          // Paragraphs kept in the log.
const HISTORY = 200;              // Typed lines kept for the arrow keys.
const RETRY_FIRST_MS = 500;       // Pause before the first reconnect; doubles …
const RETRY_MOST_MS = 15000;      // … up to this.
const LOUD_AFTER_MS = 1500;       // A reconnect that is quicker than this is not mentioned in the log.

const $ = (id) => document.getElementById(id);
const log = $("log"), form = $("form"), line = $("line"), secret = $("secret"), prompt = $("prompt");

// What must survive a reload of the page, but not the tab.
const store = {
  get(key, otherwise) {
    try { return JSON.parse(sessionStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
  },
  set(key, value) {
    try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* Private mode: then it lasts as long as the page. */ }
  },
};

/* ---- The log ---------------------------------------------------------------------------------------------- */

let following = true;                      // The reader is at the end, and stays there when something comes.

function toEnd() {
  following = true;
  log.scrollTop = log.scrollHeight;
  $("newest").hidden = true;
}

// Appends paragraphs; keeps the reader's place if they have scrolled up.
function show(...paragraphs) {
  log.append(...paragraphs);
  while (log.childElementCount > SCROLLBACK) log.firstElementChild.remove();
  if (following) requestAnimationFrame(toEnd);   // Once per picture, however much comes.
}

function paragraph(className, text) {
  const element = document.createElement("div");
  element.className = className;
  element.textContent = text;
  return element;
}

const note = (text) => show(paragraph("note", text));

// The server escapes all text; the page's security policy would stop a script anyway.
function showHtml(html) {
  const element = document.createElement("div");
  element.innerHTML = html;
  // Any colour may come; half of the page's own in it keeps it readable on light and dark.
  for (const { style } of element.querySelectorAll("[style]")) {
    if (style.color && !style.backgroundColor) style.color = `color-mix(in oklab, ${style.color}, var(--front))`;
  }
  show(element);
}

log.addEventListener("scroll", () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  $("newest").hidden = following;
}, { passive: true });
$("newest").addEventListener("click", () => { toEnd(); field().focus(); });
new ResizeObserver(() => { if (following) toEnd(); }).observe(log);   // The phone's keyboard opens and closes.

log.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[data-cmd]");
  if (anchor) {
    event.preventDefault();
    submit(anchor.dataset.cmd);
  } else if (!event.target.closest("a") && getSelection().isCollapsed && matchMedia("(pointer: fine)").matches) {
    field().focus({ preventScroll: true });
  }
});

/* ---- The line --------------------------------------------------------------------------------------------- */

let hidden = false;                        // A password is asked for.
let typedLines = store.get("history", []);
let place = typedLines.length;              // Where the arrow keys are in it.
let draft = "";

const field = () => (hidden ? secret : line);

function hide(on) {
  if (on === hidden) return;
  const hadFocus = document.activeElement === field();
  hidden = on;
  line.hidden = on;
  secret.hidden = !on;
  prompt.htmlFor = field().id;
  secret.value = "";
  grow();
  if (hadFocus || on) field().focus();
}

// Passwords are not only typed into the password field: `connect Ann secret` holds one too.
const holdsPassword = (text) => hidden || /^\s*(connect|create|password)\b/i.test(text);

function remember(text) {
  if (text.trim() && !holdsPassword(text) && typedLines.at(-1) !== text) {
    typedLines = [...typedLines, text].slice(-HISTORY);
    store.set("history", typedLines);
  }
  place = typedLines.length;
  draft = "";
}

function recall(step) {
  const next = place + step;
  if (next < 0 || next > typedLines.length) return;
  if (place === typedLines.length) draft = line.value;
  place = next;
  line.value = place === typedLines.length ? draft : typedLines[place];
  line.setSelectionRange(line.value.length, line.value.length);
  grow();
}

function grow() {
  if (line.hidden) return;                 // Then it has no height to measure.
  line.style.height = "auto";
  line.style.height = `${line.scrollHeight + 2}px`;
}

// What is echoed: never a password.
function veil(text) {
  if (hidden) return "••••••••";
  return text.replace(/^(\s*(?:connect|create|password)\s+("[^"]*"|\S+)\s+).+$/i, (_, kept) => `${kept}••••••••`)
    .replace(/^(\s*password\s+).+$/i, (_, kept) => `${kept}••••••••`);
}

// A paste of several lines is several commands, each with its own number.
function submit(typed) {
  if (link.ended) return link.restart();
  for (const text of typed.replace(/\n$/, "").split("\n")) {
    const echo = paragraph("echo waiting", veil(text));
    echo.setAttribute("aria-hidden", "true");   // Whoever typed it need not hear it again.
    show(echo);
    toEnd();
    remember(text);
    link.say(text, echo);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = field().value;
  field().value = "";
  submit(typed);
  grow();
  field().focus();
});

line.addEventListener("input", grow);
line.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const oneLine = !line.value.includes("\n");
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); form.requestSubmit(); }
  else if (event.key === "ArrowUp" && oneLine) { event.preventDefault(); recall(-1); }
  else if (event.key === "ArrowDown" && oneLine) { event.preventDefault(); recall(1); }
  else if (event.key === "Escape") { line.value = ""; place = typedLines.length; grow(); }
});

// Reading keys work without leaving the line; typing works without clicking into it.
document.addEventListener("keydown", (event) => {
  const page = { PageUp: -0.9, PageDown: 0.9 }[event.key];
  if (page) {
    event.preventDefault();
    log.scrollBy({ top: page * log.clientHeight });
  } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " "
      && document.activeElement !== $("screenreader") && !event.target.closest("input, textarea, button")) {
    field().focus();
  }
});

/* ---- The link --------------------------------------------------------------------------------------------- */

const link = {
  socket: null,
  ready: false,                            // The session frame has come: lines may go.
  ended: false,                            // The server ended the session: do not come back unasked.
  token: store.get("token", null),
  seen: 0,                                 // The last text or event this page has; a reloaded page has none.
  next: store.get("next", 1),              // Number of the next line.
  waiting: new Map(),                      // Lines not acknowledged: number to { text, echo }.
  pause: RETRY_FIRST_MS,
  timer: 0,
  lostAt: 0,
  told: false,
  farewell: "",                            // Why the server is about to close.

  connect() {
    clearTimeout(this.timer);
    state("connecting", this.token ? "Reconnecting…" : "Connecting…");
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.socket = socket;
    socket.onopen = () => {
      if (this.token) this.send({ resume: this.token, seen: this.seen });
      this.send({ size: measure() });
      if ($("screenreader").checked) this.send({ screenreader: true });
    };
    socket.onmessage = (event) => { if (socket === this.socket) receive(JSON.parse(event.data)); };
    // 1000 ends the session; any other code only this socket, and the session is taken up again.
    socket.onclose = (event) => {
      if (socket === this.socket) event.code === 1000 ? this.end() : this.lost();
    };
  },

  send(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  },

  say(text, echo) {
    const n = this.next++;
    store.set("next", this.next);
    this.waiting.set(n, { text, echo });
    if (this.ready) this.send({ n, line: text });
  },

  // Lines are answered in order, so one acknowledgement covers all before it.
  acknowledge(upTo) {
    for (const [n, { echo }] of this.waiting) {
      if (n > upTo) return;
      echo.classList.remove("waiting");
      this.waiting.delete(n);
    }
  },

  opened({ token, resumed, received, complete }) {
    const again = this.token !== null;
    if (!resumed) {
      // A new session has a login to go through: what was meant for the old one is not for this one.
      if (again && this.seen > 0) note("Your session was lost; this is a new one.");
      if (this.waiting.size > 0 && again) note(`${this.waiting.size} unanswered line(s) were not sent again.`);
      if (again) this.acknowledge(this.next);
      this.seen = 0;
      hide(false);
    } else {
      if (!complete && this.seen > 0) note("Some of what happened meanwhile could not be kept.");
      this.next = Math.max(this.next, received + 1);
    }
    this.token = token;
    store.set("token", token);
    this.ready = true;
    this.pause = RETRY_FIRST_MS;
    if (this.told) note("Connected again.");
    this.told = false;
    this.lostAt = 0;
    state("open", "Connected");
    // Those that had arrived are still being answered; the others go again, and the server drops repeats.
    for (const [n, { text }] of this.waiting) if (n > received) this.send({ n, line: text });
  },

  lost() {
    this.ready = false;
    this.lostAt ||= Date.now();
    if (!this.told && this.seen > 0 && Date.now() - this.lostAt > LOUD_AFTER_MS) {
      note("The connection is lost. Trying again; what you type is kept.");
      this.told = true;
    }
    state("connecting", "Reconnecting…");
    this.timer = setTimeout(() => this.connect(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, RETRY_MOST_MS);
  },

  // The session is over and its token worth nothing.
  end() {
    this.ready = false;
    this.ended = true;
    this.token = null;
    store.set("token", null);
    this.waiting.clear();
    hide(false);
    state("closed", "Disconnected");
    note(`${this.farewell || "The session has ended."} Press Enter to connect again.`);
  },

  restart() {
    Object.assign(this, { ended: false, seen: 0, next: 1, told: false, lostAt: 0, farewell: "" });
    store.set("next", 1);
    this.connect();
  },
};

function receive(frame) {
  if (frame.n) link.seen = Math.max(link.seen, frame.n);
  if ("html" in frame) showHtml(frame.html);
  else if ("ack" in frame) link.acknowledge(frame.ack);
  else if ("session" in frame) link.opened(frame.session);
  else if ("prompt" in frame) prompt.innerHTML = frame.prompt.html.trim() || "&gt;";
  else if ("secret" in frame) hide(frame.secret);
  else if ("notice" in frame) note(frame.notice);
  else if ("error" in frame) note(`The server did not understand this page: ${frame.error}`);
  else if ("setting" in frame) apply(frame.setting);
  else if ("close" in frame) link.farewell = frame.close;
}

function apply({ name, value }) {
  if (name === "color") document.documentElement.classList.toggle("plain", value === "none");
  if (name === "screenreader") $("screenreader").checked = value === "on";
}

function state(name, text) {
  if ($("state").dataset.state !== name) $("state").dataset.state = name;
  if ($("state").textContent !== text) $("state").textContent = text;
}

/* ---- The window ------------------------------------------------------------------------------------------- */

// How many characters fit into the log, for pagers and tables.
function measure() {
  const probe = paragraph("", "0".repeat(100));
  probe.style.cssText = "position:absolute;visibility:hidden;white-space:pre";
  log.append(probe);
  const width = probe.getBoundingClientRect().width / 100, height = probe.getBoundingClientRect().height;
  probe.remove();
  const style = getComputedStyle(log);
  const inner = log.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return { cols: Math.max(20, Math.floor(inner / width)), rows: Math.max(5, Math.floor(log.clientHeight / height)) };
}

let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => { if (link.ready) link.send({ size: measure() }); }, 300);
});

$("screenreader").addEventListener("change", (event) => {
  localStorage.setItem("screenreader", event.target.checked ? "on" : "off");
  if (link.ready) link.send({ screenreader: event.target.checked });
});

addEventListener("online", () => { if (!link.ready && !link.ended) { link.pause = RETRY_FIRST_MS; link.connect(); } });

$("screenreader").checked = localStorage.getItem("screenreader") === "on";
link.connect();
