"use strict";
(() => {
const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const root = document.documentElement;
const STATES = ["CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"];
const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
const SYN = 2, FIN = 1, ACK = 16;
/* of a row */
const N = 0, KIND = 1, FROM = 2, TIME = 3, FLAG = 4, SEQ = 5, ACKNO = 6, SEQ_REL = 7, ACK_REL = 8,
	NEXT_REL = 9, LEN = 10, WIN = 11, END = 12, HEADER = 16, REMARK = 17;
/* RFC 9293 section 3.3.2, figure 5: where each state stands, and each arrow's way. */
const PLACE = [[180, 24], [180, 86], [290, 150], [70, 150], [180, 214], [70, 278], [70, 342],
	[290, 278], [180, 342], [290, 342], [125, 406]];
const WAYS = {"0-1": "M165 38V71", "1-0": "M195 72V39", "0-2": "M230 30H275V135", "2-0": "M305 136V18H231",
	"1-3": "M130 92H85V135", "3-1": "M55 136V80H129", "1-2": "M230 86H255V135", "2-3": "M240 150H121",
	"3-4": "M90 164V208H129", "2-4": "M290 164V208H231", "3-5": "M45 164V263", "4-5": "M130 220H85V263",
	"4-7": "M230 220H290V263", "5-6": "M60 292V327", "5-8": "M120 278H180V327", "5-10": "M100 292V310H125V391",
	"6-10": "M60 356V406H74", "8-10": "M190 356V406H176", "7-9": "M290 292V327", "9-0": "M340 342H350V2H185V9",
	"10-0": "M175 414H358V-5H175V9"};
const byName = (name, parent) => parent.appendChild(document.createElement(name));
const draw = (name, parent, attributes, text) => {
	const e = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
	for (const [k, v] of Object.entries(attributes || {}))
		e.setAttribute(k, v);
	if (text !== undefined)
		e.textContent = text;
	return e;
};

let flow, at = 0, timer = 0, asking = false, typed = "", typedTimer = 0;
let numbers = data.numbers;

const hasFlag = (row, flag) => (row[FLAG] & flag) !== 0;
const flagsOf = row => FLAGS.filter((f, i) => row[FLAG] & 1 << i).join() || "none";
const number = (space, rel, raw) => {
	if (numbers === "raw" || rel < 0)
		return String(raw);
	if (numbers !== "symbolic")
		return String(rel);
	const letter = space ? "y" : "x";
	return rel === 0 ? letter : rel >= 0xffff0000 ? letter + "-" + (0x100000000 - rel) : letter + "+" + rel;
};
const labelOf = row => {
	let text = row[N] + "  " + flagsOf(row) + "  seq " + number(row[FROM], row[SEQ_REL], row[SEQ]);
	if (hasFlag(row, ACK))
		text += "  ack " + number(1 - row[FROM], row[ACK_REL], row[ACKNO]);
	return text + (row[LEN] ? "  len " + row[LEN] : "") + (row[REMARK] ? "  " + row[REMARK] : "");
};
/* certainty: 0 unknown, 1 expected, 2 proven, 3 exact, 4 contradiction; then a set of states */
const endOf = (row, side) => {
	const how = row[END + 2 * side], set = row[END + 2 * side + 1];
	return {how, set, list: STATES.map((_, i) => i).filter(i => set & 1 << i)};
};
const endText = end => end.how === 0 ? (end.list.length && end.list.length < 4 ? "?{" + end.list.map(i => STATES[i]).join() + "}" : "? unknown")
	: ["", "○ ", "● ", "", "! "][end.how] + STATES[end.list[0]];

/* --- the state diagrams ---------------------------------------------------------------- */
const drawDiagram = side => {
	const svg = $("fsm-" + side);
	const marker = draw("marker", draw("defs", svg), {id: "m" + side, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto"});
	draw("path", marker, {d: "M0 0L8 4L0 8z", class: "f-ln"});
	for (const [k, d] of Object.entries(WAYS))
		draw("path", svg, {d, class: "edge", "data-way": k, "marker-end": "url(#m" + side + ")"});
	STATES.forEach((name, i) => {
		const [x, y] = PLACE[i];
		const g = draw("g", svg, {class: "node", "data-state": name});
		draw("rect", g, {x: x - 50, y: y - 14, width: 100, height: 28, rx: 4});
		draw("text", g, {x, y: y + 4}, name);
	});
	draw("text", svg, {x: 270, y: 434, class: "what"});
};
const showDiagram = side => {
	const svg = $("fsm-" + side);
	const row = flow.rows[at - 1], before = flow.rows[at - 2];
	const end = row && endOf(row, side), was = before && endOf(before, side);
	const past = new Set(flow.rows.slice(0, at).filter(r => r[END + 2 * side]).map(r => endOf(r, side).list[0]));
	svg.querySelectorAll(".node").forEach((g, i) => {
		const here = end && end.list.includes(i);
		g.setAttribute("class", "node" + (past.has(i) ? " past" : "") + (!here ? "" : end.how === 0 ? " maybe" : end.how === 1 ? " hope" : " sure"));
	});
	let way = "";
	if (end && end.how) {
		const from = was && was.how ? was.list[0] : was ? -1 : row[FROM] === side ? 0 : 1;
		if (from !== end.list[0])
			way = from + "-" + end.list[0];
	}
	svg.querySelectorAll(".edge").forEach(e => e.classList.toggle("taken", e.dataset.way === way));
	svg.querySelector(".what").textContent = way && !row[KIND] ? (row[FROM] === side ? "snd " : "rcv ") + flagsOf(row) : "";
	svg.setAttribute("aria-label", (side ? "server: " : "client: ") + (end ? endText(end) : "nothing seen yet"));
};

/* --- the sequence-space bars ------------------------------------------------------------- */
const extent = (side, rows) => {
	let next = 0, acked = 0;
	for (const r of rows) {
		if (r[KIND])
			continue;
		if (r[FROM] === side && r[SEQ_REL] >= 0 && r[NEXT_REL] < 0x80000000)
			next = Math.max(next, r[NEXT_REL]);
		if (r[FROM] !== side && hasFlag(r, ACK) && r[ACK_REL] >= 0 && r[ACK_REL] < 0x80000000)
			acked = Math.max(acked, r[ACK_REL]);
	}
	return {next, acked};
};
const showBars = () => {
	const svg = $("bars"), W = 360;
	svg.replaceChildren();
	for (const side of [0, 1]) {
		const y = 16 + side * 60;
		const whole = extent(side, flow.rows), now = extent(side, flow.rows.slice(0, at));
		const total = Math.max(whole.next, whole.acked, 1);
		/* SYN and FIN are one number each, and are to be seen beside a megabyte */
		const syn = flow.rows.some(r => r[FROM] === side && hasFlag(r, SYN)) ? 1 : 0;
		const fin = flow.rows.some(r => r[FROM] === side && hasFlag(r, FIN) && r[NEXT_REL] === whole.next) ? 1 : 0;
		const cell = 22, data = Math.max(total - syn - fin, 1), room = W - cell * (syn + fin);
		const place = n => n <= 0 ? 0 : syn && n <= 1 ? cell * n : fin && n >= total ? W : syn * cell + (n - syn) / data * room;
		draw("text", svg, {x: 0, y: y - 4}, (side ? "server" : "client") + (flow.isn[side] === null ? "" : " ISN " + flow.isn[side]));
		draw("rect", svg, {x: 0, y, width: W, height: 16, class: "free"});
		draw("rect", svg, {x: 0, y, width: place(now.next), height: 16, class: "used"});
		draw("rect", svg, {x: 0, y: y + 8, width: place(Math.min(now.acked, now.next || now.acked)), height: 8, class: "acked"});
		if (syn)
			draw("rect", svg, {x: 0, y, width: cell, height: 16, class: "edge"});
		if (fin)
			draw("rect", svg, {x: W - cell, y, width: cell, height: 16, class: "edge"});
		const isn = flow.isn[side];
		if (isn !== null && isn + total > 0xffffffff) {
			const x = place(0x100000000 - isn);
			draw("path", svg, {d: "M" + x + " " + (y - 3) + "v22", class: "edge taken"});
			draw("text", svg, {x: Math.min(x + 3, 230), y: y - 4}, "wraps here to 0");
		}
		draw("text", svg, {x: 0, y: y + 29}, (syn ? "[SYN]" : "") + " next " + number(side, now.next, (isn || 0) + now.next >>> 0) +
			", acknowledged up to " + number(side, now.acked, (isn || 0) + now.acked >>> 0) + (fin ? " [FIN]" : ""));
		draw("path", svg, {d: "M" + place(now.acked) + " " + y + "v20", class: "edge"});
	}
	svg.setAttribute("aria-label", [...svg.querySelectorAll("text")].map(t => t.textContent).join("; "));
};

/* --- the header, as RFC 9293 figure 1 has it ------------------------------------------------ */
const field = (tr, span, name, value) => {
	const td = byName("td", tr);
	td.colSpan = span;
	byName("span", td).textContent = name;
	td.append(value);
};
const showFields = row => {
	const body = $("fields").tBodies[0];
	body.replaceChildren();
	$("fields-title").textContent = row && !row[KIND] ? "header of segment " + row[N] : "header";
	if (!row || row[KIND])
		return;
	const hex = row[HEADER].match(/../g) || [], b = hex.map(h => parseInt(h, 16));
	const two = i => b[i] << 8 | b[i + 1];
	const line = (at) => {
		const tr = byName("tr", body);
		tr.title = "bytes " + at + " to " + (at + 3) + ": " + hex.slice(at, at + 4).join(" ");
		return tr;
	};
	let tr = line(0);
	field(tr, 16, "source port " + hex.slice(0, 2).join(" "), two(0));
	field(tr, 16, "destination port " + hex.slice(2, 4).join(" "), two(2));
	field(line(4), 32, "sequence number " + hex.slice(4, 8).join(" "), row[SEQ] + (row[SEQ_REL] >= 0 ? " (rel " + row[SEQ_REL] + ")" : ""));
	field(line(8), 32, "acknowledgement number " + hex.slice(8, 12).join(" "), row[ACKNO] + (hasFlag(row, ACK) ? row[ACK_REL] >= 0 ? " (rel " + row[ACK_REL] + ")" : "" : " (no ACK: means nothing)"));
	tr = line(12);
	field(tr, 4, "offset", b[12] >> 4);
	field(tr, 4, "rsrvd", b[12] >> 1 & 7);
	field(tr, 8, "flags " + hex.slice(12, 14).join(" "), flagsOf(row));
	field(tr, 16, "window " + hex.slice(14, 16).join(" "), two(14) + (row[WIN] !== two(14) ? " = " + row[WIN] + " bytes" : ""));
	tr = line(16);
	field(tr, 16, "checksum", hex.slice(16, 18).join(" "));
	field(tr, 16, "urgent " + hex.slice(18, 20).join(" "), two(18));
	for (let i = 20; i < hex.length; i += 4)
		field(line(i), 32, i === 20 ? "options" : "", hex.slice(i, i + 4).join(" "));
};

/* --- the ledger ------------------------------------------------------------------------------- */
const usedText = row => {
	const n = k => number(row[FROM], row[SEQ_REL] < 0 ? -1 : row[SEQ_REL] + k, row[SEQ] + k >>> 0);
	let k = 0;
	const parts = [];
	if (hasFlag(row, SYN))
		parts.push("SYN " + n(k++));
	if (row[LEN])
		parts.push("data " + n(k) + ".." + n((k += row[LEN]) - 1));
	if (hasFlag(row, FIN))
		parts.push("FIN " + n(k++));
	return (parts.join(" ") || "(none)") + " next " + n(k);
};
const fillLedger = () => {
	const body = $("ledger").tBodies[0];
	body.replaceChildren();
	flow.rows.forEach((row, i) => {
		const tr = byName("tr", body);
		const cells = [row[N], "", "", endText(endOf(row, 0)), endText(endOf(row, 1))];
		if (!row[KIND]) {
			cells[1 + row[FROM]] = "► " + usedText(row);
			cells[2 - row[FROM]] = hasFlag(row, ACK) ? "◄ ack " + number(1 - row[FROM], row[ACK_REL], row[ACKNO]) : "";
		} else {
			cells[1] = "ICMP";
		}
		for (const c of cells)
			byName("td", tr).textContent = c;
		tr.addEventListener("click", () => go(i + 1));
	});
};

/* --- the step that is shown ---------------------------------------------------------------------- */
const group = row => $(flow.prefix + "seg-" + row[N]);
const item = row => $(flow.prefix + "say-" + row[N]);
const relabel = () => {
	for (const row of flow.rows) {
		const g = group(row), label = g && g.querySelector("[data-t=label]"), raw = g && g.querySelector("[data-t=raw]");
		if (label && !row[KIND])
			label.textContent = labelOf(row);
		if (raw)
			raw.toggleAttribute("hidden", numbers === "raw" || numbers === "rel");
	}
	fillLedger();
};
const narrate = () => {
	const row = flow.rows[at - 1], next = flow.rows[at];
	if (asking && next)
		return "Predict segment " + next[N] + ": who sends it? which flags? seq? ack? (next shows it)";
	if (!row)
		return "Nothing has been sent. " + flow.rows.length + " segments follow.";
	const li = item(row);
	return row[N] + ", " + [...li.querySelectorAll("p:first-child, ul li")].map(e => e.textContent).join(". ");
};
const show = () => {
	const cur = flow.rows[at - 1];
	flow.rows.forEach((row, i) => {
		const g = group(row), li = item(row);
		for (const e of [g, li, $("ledger").tBodies[0].rows[i]]) {
			e.classList.toggle("cur", row === cur);
			if (e !== li)
				e.classList.toggle("todo", i >= at);
		}
		if (row === cur)
			g.setAttribute("aria-current", "step");
		else
			g.removeAttribute("aria-current");
	});
	$("scrub").value = at;
	$("where").textContent = at + " of " + flow.rows.length;
	$("narration").textContent = narrate();
	$("back").disabled = $("first").disabled = at === 0;
	$("next").disabled = $("last").disabled = at === flow.rows.length;
	showDiagram(0);
	showDiagram(1);
	showBars();
	showFields(cur);
	const hash = "#" + flow.prefix + at;
	if (location.hash !== hash)
		try { history.replaceState(null, "", hash); } catch { /* a sandboxed frame has none */ }
	if (cur && matchMedia("(min-width: 700px)").matches) {
		const box = group(cur).getBoundingClientRect();
		if (box.top < 140 || box.bottom > innerHeight)
			scrollBy(0, box.top - innerHeight / 2);
	}
};
const go = n => {
	asking = false;
	at = Math.max(0, Math.min(flow.rows.length, n));
	show();
};
const pressed = id => $(id).getAttribute("aria-pressed") === "true";
const press = (id, on) => $(id).setAttribute("aria-pressed", on);
const next = () => {
	if (pressed("predict") && !asking && at < flow.rows.length) {
		asking = true;
		show();
	} else {
		go(at + 1);
	}
};
const stop = () => {
	clearTimeout(timer);
	press("play", false);
	$("play").setAttribute("aria-label", "play");
};
const tick = () => {
	next();
	if (at >= flow.rows.length)
		return stop();
	const speed = Number($("speed").value), a = flow.rows[at - 1], b = flow.rows[at];
	const wait = speed && a ? (b[TIME] - a[TIME]) / 1000 / speed : 1200;
	timer = setTimeout(tick, Math.max(30, Math.min(wait, 10000)));
};
const play = () => {
	if (pressed("play"))
		return stop();
	if (at >= flow.rows.length)
		go(0);
	press("play", true);
	$("play").setAttribute("aria-label", "pause");
	timer = setTimeout(tick, 300);
};
const choose = (which, n) => {
	flow = which;
	for (const f of data.flows)
		$("flow-" + f.id).hidden = f !== flow;
	$("flow").value = flow.id;
	$("scrub").max = flow.rows.length;
	$("ticks").replaceChildren(...flow.rows.map((_, i) => new Option("", i + 1)));
	relabel();
	go(n);
};
const fromHash = () => {
	const m = /^#(f\d+-)?(\d+)$/.exec(location.hash);
	const f = data.flows.find(x => x.prefix === (m && m[1] || "")) || data.flows[0];
	choose(f, m ? Number(m[2]) : 0);
};
const showView = () => {
	const ledger = pressed("view");
	$("ledger").hidden = !ledger;
	for (const e of document.querySelectorAll(".ladder"))
		e.hidden = ledger;
};
const setNumbers = value => {
	numbers = $("numbers").value = value;
	relabel();
	show();
};
const toggle = id => {
	press(id, !pressed(id));
	if (id === "view")
		showView();
	if (id === "all")
		root.classList.toggle("all", pressed("all"));
	if (id === "states")
		$("diagrams").hidden = !pressed("states");
	if (id === "predict")
		asking = false;
	show();
};
const black = () => { $("black").hidden = !$("black").hidden; };
const acts = {ArrowRight: next, PageDown: next, n: next, ArrowLeft: () => go(at - 1), PageUp: () => go(at - 1), p: () => go(at - 1),
	Home: () => go(0), End: () => go(flow.rows.length), " ": play, v: () => toggle("view"), s: () => toggle("states"),
	q: () => toggle("predict"), a: () => toggle("all"), ".": black, b: black,
	r: () => setNumbers({both: "rel", rel: "raw", raw: "symbolic", symbolic: "both"}[numbers])};
addEventListener("keydown", e => {
	if (e.ctrlKey || e.altKey || e.metaKey || e.target.tagName === "SELECT" || (e.target.tagName === "BUTTON" && e.key === " "))
		return;
	if (/^\d$/.test(e.key)) {
		typed += e.key;
		clearTimeout(typedTimer);
		typedTimer = setTimeout(() => { typed = ""; }, 900);
		stop();
		go(Number(typed));
	} else if (acts[e.key]) {
		if (e.key !== " ")
			stop();
		acts[e.key]();
	} else {
		return;
	}
	e.preventDefault();
});
const on = (id, act, kind) => $(id).addEventListener(kind || "click", act);
on("first", () => { stop(); go(0); });
on("back", () => { stop(); go(at - 1); });
on("next", () => { stop(); next(); });
on("last", () => { stop(); go(flow.rows.length); });
on("play", play);
on("scrub", e => { stop(); go(Number(e.target.value)); }, "input");
on("flow", e => { stop(); choose(data.flows.find(f => f.id === Number(e.target.value)), 0); }, "change");
on("numbers", e => setNumbers(e.target.value), "change");
on("theme", e => { root.dataset.theme = e.target.value; }, "change");
for (const id of ["view", "all", "predict", "states"])
	on(id, () => toggle(id));
on("link", async () => {
	try { await navigator.clipboard.writeText(location.href); $("link").textContent = "copied"; } catch { $("link").textContent = location.hash; }
});
on("black", black);
addEventListener("hashchange", fromHash);

if (!data.flows.length)
	return;
root.classList.add("js");
for (const id of ["controls", "narration", "side", "help"])
	$(id).hidden = false;
for (const f of data.flows) {
	$("flow").append(new Option(f.id, f.id));
	for (const svg of $("flow-" + f.id).querySelectorAll(".ladder svg"))
		svg.setAttribute("role", "list");
	f.rows.forEach((row, i) => {
		const g = $(f.prefix + "seg-" + row[N]);
		g.setAttribute("role", "listitem");
		g.setAttribute("aria-label", g.querySelector("title").textContent);
		g.addEventListener("click", () => { stop(); if (flow === f) go(i + 1); });
	});
}
$("flow").parentNode.hidden = data.flows.length < 2;
root.dataset.theme = $("theme").value = root.dataset.theme === "print" ? "light" : root.dataset.theme;
$("numbers").value = numbers;
[0, 1].forEach(drawDiagram);
fromHash();
})();
