"""The sample film through the whole program, held to the figures the project promises."""
import csv
import os
import pathlib
import subprocess
import sys

import evaluate
import harness

SAMPLE = pathlib.Path(os.environ["SAMPLE_FOLDER"])
MAKE_SAMPLE = os.environ["MAKE_SAMPLE"]
JOIN_CHECK = os.environ["JOIN_CHECK"]
LENGTH_TOLERANCE = 0.05


class Sample(harness.MovieTest):
    """One digest, looked at from many sides."""

    def test_the_sample_film(self):
        subprocess.run([MAKE_SAMPLE, str(SAMPLE)], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        self.digest(SAMPLE / "sample.mkv")
        folder = self.out / "sample"
        shots, cut = (harness.artifact(folder, n) for n in ("shots", "cut"))
        media = harness.artifact(folder, "media")

        cut_f1, gradual_f1 = evaluate.evaluate(SAMPLE / "sample.truth.csv", shots)
        print(f"# hard cuts F1 {cut_f1:.3f}, fades and dissolves F1 {gradual_f1:.3f}")
        self.assertGreaterEqual(cut_f1, 0.97)
        self.assertGreaterEqual(gradual_f1, 0.85)

        self.check_credits(cut)
        self.assertLess(abs(cut["total_us"] / cut["target_us"] - 1), LENGTH_TOLERANCE)
        self.assertEqual({p["act"] for p in cut["pieces"]},
                         {"opening", "inciting-incident", "rising-action", "climax", "resolution"})
        self.check_streams(folder, cut, media)
        self.check_joins(folder)

    def check_credits(self, cut):
        with open(SAMPLE / "sample.scenes.csv", newline="") as f:
            credits = [(float(r["start_sec"]), float(r["end_sec"])) for r in csv.DictReader(f)
                       if r["kind"] == "credits"]
        self.assertTrue(credits)
        for start, end in credits:
            for piece in cut["pieces"]:
                # A shot may end in the fade towards the credits; a second is no credits.
                overlap = min(piece["end_us"] / 1e6, end) - max(piece["start_us"] / 1e6, start)
                self.assertLess(overlap, 1.0, piece)

    def check_streams(self, folder, cut, media):
        found = self.assert_digest(folder)
        kinds = [s["codec_type"] for s in found["streams"]]
        self.assertEqual(kinds.count("video"), 1)
        self.assertEqual(kinds.count("audio"), 1)
        self.assertAlmostEqual(float(found["format"]["duration"]), cut["total_us"] / 1e6, delta=0.2)
        self.assertGreater(len(found["chapters"]), 2)
        # The commentary track is not what people want to hear.
        chosen = next(s for s in media["streams"] if s["index"] == media["audio_stream"])
        self.assertFalse(chosen["is_commentary"])
        transcript = harness.artifact(folder, "transcript")
        self.assertGreater(len(transcript["cues"]), 30)

    def check_joins(self, folder):
        done = subprocess.run([JOIN_CHECK, str(SAMPLE / "sample.mkv"), str(folder)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        print("".join(f"# {line}\n" for line in done.stdout.splitlines()[-3:]), end="")


class FlatMemory(harness.MovieTest):
    def test_peak_memory_does_not_grow_with_length(self):
        subprocess.run([MAKE_SAMPLE, "--short", str(SAMPLE)], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        short = SAMPLE / "sample-short.mkv"
        listing = self.folder / "list.txt"
        listing.write_text(f"file '{short}'\n" * 10)
        long = self.folder / "long.mkv"
        harness.ffmpeg("-f", "concat", "-safe", 0, "-i", listing, "-map", "0:v", "-map", "0:a:0",
                       "-map", "0:s", "-c", "copy", long)
        self.digest("--threads", 2, short, long)
        peaks = [harness.peaks(self.out / name) for name in ("sample-short", "long")]
        for stage in peaks[0]:
            print(f"# {stage}: {peaks[0][stage] / 1e6:.0f} MB, ten times longer "
                  f"{peaks[1][stage] / 1e6:.0f} MB")
        # What holds is the worker's own peak; the encoder's varies a little from run to run. A
        # stage by itself may also hold what the allocator kept of an earlier stage's threads.
        short_peak, long_peak = (max(p.values()) for p in peaks)
        self.assertLess(long_peak, short_peak * 1.1 + 8e6)
        for stage, peak in peaks[0].items():
            self.assertLess(peaks[1][stage], max(peak * 1.5, short_peak / 2), stage)


if __name__ == "__main__":
    sys.exit(harness.main())
