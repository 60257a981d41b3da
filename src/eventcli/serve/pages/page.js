"use strict"
// Numbers arrive and are shown as texts; shares, heights and the rate come from BigInts.
const $ = id => document.getElementById(id)
const main = document.querySelector("main")
const buttons = document.querySelectorAll("th button")
const names = ["lines", "accepted", "rejected", "filtered", "blank"]
let source, rows, view, samples, problem, by = 1, limit = 100, heard = 0, changed = "", final

const element = (tag, text, name) => {
  const made = document.createElement(tag)
  if (text != null) made.textContent = text
  if (name) made.className = name
  return made
}
const fill = (id, children) => $(id).replaceChildren(...children)
const items = texts => texts.map(text => element("li", text))
// Digits are grouped, and yet the text is the number.
const number = (tag, text) => {
  const made = element(tag), [whole, ...rest] = text.split(".")
  const [first, ...groups] = whole.split(/(?=(?:\d{3})+$)/)
  made.append(first, ...groups.map(group => element("s", group)), rest.length ? "." + rest : "")
  return made
}
const part = (count, most) => Number(count * 1000n / most) / 10

const put = (target, text) => { if (target.textContent !== text) target.textContent = text }
function state(text, lost) {
  document.body.className = lost ? "lost" : ""
  put($("state"), text)
}

function connect() {
  source?.close()
  rows = new Map(); view = {}; samples = []; final = ""
  const asked = new URLSearchParams()
  const since = $("since").value, own = since === "-"
  $("between").hidden = !own
  for (const [name, value] of Object.entries({ since: own ? $("from").value : since, until: own && $("until").value, tz: $("tz").value }))
    if (value) asked.set(name, value.trim())
  source = new EventSource("/live?" + asked)
  const mine = source
  source.onmessage = event => { heard = Date.now(); take(JSON.parse(event.data)) }
  source.addEventListener("ping", () => { heard = Date.now(); tell() })
  source.onerror = () => {
    heard = 0
    tell()
    // To the browser, a refusal is final.
    if (mine.readyState === 2) setTimeout(() => mine === source && retry(asked), 1000)
  }
}

async function retry(asked) {
  try {
    const answer = await fetch("/live?" + asked, { signal: AbortSignal.timeout(3000) })
    $("login").hidden = answer.status !== 401
    $("login").token.type = "password"
    if (answer.status === 401) final = location.search ? "That was not the token." : "A token is needed."
    if (answer.status === 422) final = (await answer.json()).detail
  } catch { }
  final ? tell() : connect()
}

function tell() {
  if (final) state(final, true)
  else if (heard && Date.now() - heard < 25000)
    state(problem ? `Stale: ${problem}. The numbers are from ${changed}.` : `Live. Last change ${changed}.`, problem)
  else state(changed ? `Connection lost, trying again. The numbers are from ${changed}.` : "No connection, trying again.", true)
}

function take(news) {
  if (news.whole) rows = new Map()
  if ("problem" in news) problem = news.problem
  for (const [name, ...row] of news.types ?? []) rows.set(name, row)
  for (const name of news.gone ?? []) rows.delete(name)
  Object.assign(view, news)
  if (view.account) {
    main.hidden = false
    if (!news.problem) changed = new Date().toLocaleTimeString()
    samples.push([performance.now(), BigInt(view.account.lines)])
    draw(news)
  }
  tell()
}

function draw(news) {
  if (news.account) {
    fill("account", names.map((name, at) => {
      const group = element("div")
      group.append(element("dt", ["", "= ", "+ "][at > 1 ? 2 : at] + name), number("dd", view.account[name]))
      return group
    }))
    fill("reasons", items(Object.entries(view.account.reasons).map(one => one.join(": "))))
  }
  if (news.missing) fill("missing", items(view.missing))
  if (news.sources) fill("sources", view.sources.map(one => {
    const row = element("tr"), lost = one.discontinuities.map(each => each.message)
    const waits = one.lag > 0 && one.lag + " bytes not read yet"
    row.append(element("td", one.source), ...["lines", "accepted", "rejected"].map(name => number("td", one[name] ?? "")),
      element("td", [one.state, waits, ...lost].filter(Boolean).join("; "), lost.length ? "bad" : ""))
    return row
  }))
  if (news.hours) chart(view.hours)
  if (news.types || news.gone || news.whole) table()
}

function chart({ starts, lines, by, why }) {
  const most = lines.flatMap(line => line.counts).map(BigInt).reduce((a, b) => a > b ? a : b, 1n)
  $("chart").replaceChildren(...lines.map((line, at) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "polyline"), width = 600 / Math.max(1, starts.length - 1)
    const points = line.counts.map((count, x) => `${x * width},${156 - 1.5 * part(BigInt(count), most)}`)
    path.setAttribute("points", points.length === 1 ? `${points} 600,${points[0].split(",")[1]}` : points.join(" "))
    path.setAttribute("class", "c" + at)
    return path
  }))
  const text = why ?? (starts.length ? `Events by ${by}, ${starts[0]} to ${starts.at(-1)}; highest ${most}` : "No event has a time.")
  $("chart").setAttribute("aria-label", text)
  fill("legend", [element("span", text), ...lines.map((line, at) => element("b", "— " + (line.type ?? "all types"), "c" + at))])
}

function table() {
  const wanted = $("find").value.toLowerCase()
  let found = [...rows].filter(([name]) => name.toLowerCase().includes(wanted)), most = 1n
  for (const [, [count]] of found) if (BigInt(count) > most) most = BigInt(count)
  // Sums have at most 400 decimal places.
  const exact = text => { const [whole, rest = ""] = text.split("."); return BigInt(whole + rest.padEnd(400, "0")) }
  const keys = by && new Map(found.map(([name, row]) => [name, exact(row[by - 1])]))
  const compare = (a, b) => a < b ? -1 : a > b ? 1 : 0
  found.sort(([a], [b]) => by && compare(keys.get(b), keys.get(a)) || compare(a, b))
  const old = $("types").rows
  found.slice(0, limit).forEach(([name, [count, sum]], at) => {
    const row = old[at] ?? $("types").insertRow()
    while (row.cells.length < 4) row.append(element("td"))
    put(row.cells[0], name)
    ;[count, sum].forEach((text, at) => { if (row.cells[at + 1].textContent !== text) row.cells[at + 1].replaceWith(number("td", text)) })
    ;(row.cells[3].firstChild ?? row.cells[3].appendChild(element("i"))).style.width = part(BigInt(count), most) + "%"
  })
  const few = Math.min(limit, found.length)
  while (old.length > few) old[few].remove()
  $("shown").textContent = `${few} of ${found.length} types`
  $("more").hidden = found.length <= limit
  buttons.forEach((button, at) => button.parentNode.ariaSort = at !== by ? null : at ? "descending" : "ascending")
}

setInterval(() => {
  const now = performance.now()
  while (samples.length > 1 && samples[0][0] < now - 10000 && samples[1][0] < now - 5000) samples.shift()
  const first = samples[0], last = samples.at(-1)
  if (first) $("rate").textContent = Math.max(0, Math.round(Number(last[1] - first[1]) * 1000 / Math.max(500, now - first[0])))
  tell()
}, 1000)

for (const name of new Set(["UTC", Intl.DateTimeFormat().resolvedOptions().timeZone, ...Intl.supportedValuesOf("timeZone")]))
  $("tz").append(element("option", name))
$("since").onchange = $("tz").onchange = connect
$("ask").onsubmit = event => { event.preventDefault(); connect() }
$("find").oninput = () => { limit = 100; table() }
$("more").onclick = () => { limit *= 10; table() }
buttons.forEach((button, at) => { button.onclick = () => { by = at; table() } })
connect()
