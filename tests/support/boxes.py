"""Look at an SVG file as a viewer would lay it out, with a font as wide as any common
monospaced one: nothing may be clipped by the edges, no two texts may overlap, ids are unique,
and the file needs nothing from outside.

  boxes.py FILE...      one line for each fault; status 1 if there was one
"""
import sys
import xml.etree.ElementTree as tree

EM = 0.62  # of a character, in units of the font's size
ASCENT, DESCENT = 0.80, 0.22
SVG = "{http://www.w3.org/2000/svg}"


def box_of(text):
    size = float(text.get("font-size"))
    width = len(text.text or "") * size * EM
    x = float(text.get("x"))
    x -= {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
    y = float(text.get("y"))
    return x, y - ASCENT * size, x + width, y + DESCENT * size


def faults_of(path):
    root = tree.parse(path).getroot()
    width, height = (float(n) for n in root.get("viewBox").split()[2:])
    texts = [(box_of(t), t.text or "") for t in root.iter(SVG + "text")]
    for (left, top, right, bottom), text in texts:
        if left < 0 or top < 0 or right > width or bottom > height:
            yield "clipped: %r" % text
    texts.sort(key=lambda t: t[0][1])
    for i, (a, text) in enumerate(texts):
        for b, other in texts[i + 1:]:
            if b[1] >= a[3]:
                break
            if a[0] < b[2] and b[0] < a[2]:
                yield "overlap: %r and %r" % (text, other)
    for line in root.iter(SVG + "line"):
        for name, most in (("x1", width), ("x2", width), ("y1", height), ("y2", height)):
            if not 0 <= float(line.get(name)) <= most:
                yield "clipped: a line"
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    if len(ids) != len(set(ids)):
        yield "an id twice"
    for e in root.iter():
        if any(name.endswith("href") or name.startswith("on") or "url(" in value
               for name, value in e.items()) or e.tag in (SVG + "script", SVG + "image"):
            yield "not self-contained: %s" % e.tag


if __name__ == "__main__":
    status = 0
    for path in sys.argv[1:]:
        for fault in faults_of(path):
            print("%s: %s" % (path, fault))
            status = 1
    sys.exit(status)
