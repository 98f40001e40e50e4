// What the pages do beyond links and forms: files from disk, and a job as it happens.
"use strict";

function offerUpload() {
  const upload = document.getElementById("upload");
  if (!upload) return;
  upload.parentElement.hidden = false;
  upload.addEventListener("change", async () => {
    const [file] = upload.files;
    if (file) document.getElementById(upload.dataset.into).value = await file.text();
  });
}

// A file goes as it is, with the token of the page: its bytes are no field of a form.
function offerFiles() {
  for (const input of document.querySelectorAll("input[data-send]")) {
    const status = input.parentElement.querySelector("[role=status]");
    input.parentElement.hidden = false;
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (!file) return;
      status.textContent = input.dataset.sending;
      status.textContent = await send(file, input.dataset);
    });
  }
}

async function send(file, { send, token, failed }) {
  const headers = { "content-type": file.type || "text/plain", "x-form-token": token };
  const url = `${send}?name=${encodeURIComponent(file.name)}`;
  try {
    const answer = await fetch(url, { method: "POST", headers, body: file });
    if (answer.ok && !answer.redirected) { location.reload(); return ""; }
    const isWords = (answer.headers.get("content-type") || "").startsWith("text/plain");
    return isWords ? await answer.text() : failed;
  } catch {
    return failed;
  }
}

// The parts of the page that change are fetched as the server renders them, whole.
async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && next.innerHTML !== part.innerHTML) part.innerHTML = next.innerHTML;
  }
}

// One refresh at a time, and one more if something happened meanwhile.
function onceAtATime(work) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) { again = true; return; }
    running = true;
    try { await work(); } catch { /* the connection is lost; the next event tries again */ }
    running = false;
    if (again) { again = false; setTimeout(run, 200); }
  };
}

function followJob() {
  const status = document.getElementById("following");
  if (!status || !status.dataset.events) return;
  const log = document.getElementById("log");
  const update = onceAtATime(refresh);
  const MOST = 2_000_000;
  let offset = Number(status.dataset.offset);
  let after = new URL(status.dataset.events, location).searchParams.get("after");
  let sources = [];
  let open = 2;

  const say = (words) => { if (status.textContent !== words) status.textContent = words; };
  const stop = () => { sources.forEach((source) => source.close()); sources = []; };

  function append(text) {
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 24;
    log.append(text);
    log.normalize();
    const node = log.firstChild;
    if (node.length > MOST) node.deleteData(0, node.length - MOST);
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function connect(url, kind, heard) {
    const source = new EventSource(url);
    source.addEventListener("open", () => say(status.dataset.liveWords));
    source.addEventListener("error", () => say(status.dataset.brokenWords));
    source.addEventListener(kind, heard);
    source.addEventListener("session", () => { stop(); say(status.dataset.sessionWords); });
    source.addEventListener("end", () => {
      source.close();
      open -= 1;
      update();
      if (open === 0) say(status.dataset.endWords);
    });
    sources.push(source);
  }

  function start() {
    open = 2;
    connect(`${status.dataset.log}&offset=${offset}`, "log", (event) => {
      offset = Number(event.lastEventId);
      append(JSON.parse(event.data).text);
    });
    const events = status.dataset.events.split("?")[0];
    connect(`${events}?after=${after}`, "entry", (event) => {
      after = event.lastEventId;
      // Another attempt has another log.
      if (JSON.parse(event.data).kind === "attempt.leased" && offset > 0) {
        offset = 0;
        log.replaceChildren();
        stop();
        start();
      }
      update();
    });
  }

  // A page nobody looks at holds no connection: a browser has six for all its tabs.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stop();
    if (open > 0 && sources.length === 0) { update(); start(); }
  });
  log.scrollTop = log.scrollHeight;
  if (!document.hidden) start();
}

offerUpload();
offerFiles();
followJob();
