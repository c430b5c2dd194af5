"""Scores shots.json against a truth file, independently of the program's own evaluation.

A cut is found when a detected cut lies within two frames of it; a gradual transition when a
detected gradual one overlaps it. Each detection may serve one truth row. neg_* rows are things that
are no boundaries and are not counted.
"""
import csv

CUT_TOLERANCE_FRAMES = 2


def read_truth(path):
    with open(path, newline="") as f:
        rows = [(r["type"], int(r["start_frame"]), int(r["end_frame"])) for r in csv.DictReader(f)]
    real = [r for r in rows if not r[0].startswith("neg_")]
    return [r for r in real if r[0] == "cut"], [r for r in real if r[0] != "cut"]


def read_detected(shots):
    cuts, gradual = [], []
    for shot in shots["shots"]:
        row = (shot["transition"], shot["transition_start_frame"], shot["transition_end_frame"])
        if row[0] == "cut":
            cuts.append(row)
        elif row[0] != "start":
            gradual.append(row)
    return cuts, gradual


def match(truth, found, fits):
    free = list(found)
    hits = 0
    for row in truth:
        hit = next((f for f in free if fits(row, f)), None)
        if hit:
            free.remove(hit)
            hits += 1
    return hits


def f1(hits, truth, found):
    return 2 * hits / (truth + found) if truth + found else 1.0


def evaluate(truth_path, shots):
    """Returns (F1 of hard cuts, F1 of gradual transitions)."""
    true_cuts, true_gradual = read_truth(truth_path)
    cuts, gradual = read_detected(shots)
    cut_hits = match(true_cuts, cuts, lambda t, f: abs(t[1] - f[1]) <= CUT_TOLERANCE_FRAMES)
    gradual_hits = match(true_gradual, gradual, lambda t, f: f[1] <= t[2] and f[2] >= t[1])
    return (f1(cut_hits, len(true_cuts), len(cuts)),
            f1(gradual_hits, len(true_gradual), len(gradual)))
