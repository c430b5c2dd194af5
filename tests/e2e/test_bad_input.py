"""Every kind of bad or odd movie gives a sensible digest or one clear sentence, and the others in
the batch go on."""
import os
import pathlib
import struct
import subprocess
import sys
import unittest

import harness
from harness import ffmpeg, make_movie


class BrokenFiles(harness.MovieTest):
    def refuse(self, name, *words):
        """The movie is refused in one line that names it and says these words."""
        good = make_movie(self.folder / "good.mkv")
        done = self.digest(self.folder / name, good, expect=1)
        lines = [l for l in done.stderr.decode(errors="replace").splitlines()
                 if l.startswith("ERROR:")]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(name, lines[0])
        for word in words:
            self.assertIn(word, lines[0].lower())
        self.assertFalse((self.out / pathlib.Path(name).stem / "digest.mp4").exists())
        self.assert_digest(self.out / "good")

    def test_empty_file(self):
        (self.folder / "empty.mp4").write_bytes(b"")
        self.refuse("empty.mp4", "empty")

    def test_text_renamed(self):
        (self.folder / "text.mp4").write_text("Dear diary,\n" * 1000)
        self.refuse("text.mp4", "not a movie")

    def test_random_bytes(self):
        (self.folder / "noise.mkv").write_bytes(bytes((i * i * 31 + i // 7) % 256
                                                      for i in range(200000)))
        self.refuse("noise.mkv")

    def test_mp4_without_its_index(self):
        movie = make_movie(self.folder / "whole.mp4")
        data = movie.read_bytes()
        movie.unlink()
        (self.folder / "cut.mp4").write_bytes(data[:len(data) // 2])
        self.refuse("cut.mp4")

    def test_sound_without_picture(self):
        ffmpeg("-f", "lavfi", "-t", 3, "-i", "sine=f=300", self.folder / "song.mp4")
        self.refuse("song.mp4", "picture")

    def test_header_that_claims_an_enormous_picture(self):
        header = b"\x00\x00\x01\xb3" + bytes([0xFF, 0xFF, 0xFF, 0x14, 0xFF, 0xFF, 0xE0, 0x00])
        (self.folder / "huge.mpg").write_bytes(header + b"\x00\x00\x01\x00" + b"\x11" * 5000)
        self.refuse("huge.mpg")

    def test_y4m_that_claims_8k_and_ends(self):
        (self.folder / "claim.y4m").write_bytes(b"YUV4MPEG2 W7680 H4320 F25:1 Ip A1:1 C420jpeg\n"
                                                b"FRAME\n" + b"\x80" * 1000)
        self.refuse("claim.y4m")


class OddMovies(harness.MovieTest):
    """Each of these gives a digest."""

    def accept(self, name, *options):
        self.digest(self.folder / name, *options)
        return self.assert_digest(self.out / pathlib.Path(name).stem)

    def test_truncated_matroska_gives_what_is_there(self):
        movie = make_movie(self.folder / "whole.mkv", seconds=10)
        data = movie.read_bytes()
        (self.folder / "half.mkv").write_bytes(data[:len(data) * 6 // 10])
        movie.unlink()
        self.accept("half.mkv")
        self.assertTrue(any("cut off" in w or "damaged" in w or "duration" in w or "shorter" in w
                            for kind in ("media", "shots")
                            for w in harness.artifact(self.out / "half", kind)["warnings"]))

    def test_damage_in_the_middle(self):
        movie = make_movie(self.folder / "hurt.mkv", seconds=10)
        data = bytearray(movie.read_bytes())
        for at in range(len(data) // 3, len(data) // 3 + 3000, 7):
            data[at] ^= 0x5A
        movie.write_bytes(data)
        self.accept("hurt.mkv")

    def test_no_sound(self):
        make_movie(self.folder / "mute.mkv", audio=False)
        streams = self.accept("mute.mkv")
        self.assertEqual([s["codec_type"] for s in streams["streams"]].count("audio"), 0)

    def test_one_frame(self):
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-frames:v", 1, "-c:v", "libx264",
               self.folder / "one.mp4")
        self.accept("one.mp4")

    def test_no_duration_in_the_header(self):
        make_movie(self.folder / "live.mkv", extra=("-f", "matroska", "-live", 1))
        self.accept("live.mkv")
        media = harness.artifact(self.out / "live", "media")
        self.assertAlmostEqual(media["duration_us"] / 1e6, 6, delta=0.3)

    def test_duration_that_lies(self):
        movie = make_movie(self.folder / "liar.mp4", audio=False)
        data = bytearray(movie.read_bytes())
        for box in (b"mvhd", b"mdhd"):  # version 0: time scale and duration 12 bytes in
            at = data.index(box) + 4 + 12
            scale = struct.unpack_from(">I", data, at)[0]
            struct.pack_into(">I", data, at + 4, scale * 3600)
        movie.write_bytes(data)
        self.accept("liar.mp4")
        media = harness.artifact(self.out / "liar", "media")
        self.assertAlmostEqual(media["duration_us"] / 1e6, 6, delta=0.3)

    def test_ten_bit(self):
        make_movie(self.folder / "ten.mkv", video=("-c:v", "libx264", "-preset", "ultrafast",
                                                   "-pix_fmt", "yuv420p10le"))
        streams = self.accept("ten.mkv")
        self.assertEqual(streams["streams"][0]["pix_fmt"], "yuv420p")

    def test_hdr(self):
        make_movie(self.folder / "hdr.mkv", video=(
            "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
            "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"))
        streams = self.accept("hdr.mkv")
        self.assertNotEqual(streams["streams"][0].get("color_transfer"), "smpte2084")

    def test_interlaced(self):
        make_movie(self.folder / "tv.mpg", video=("-c:v", "mpeg2video", "-flags", "+ildct+ilme",
                                                  "-b:v", "2M", "-top", 1),
                   extra=("-c:a", "mp2", "-b:a", "128k"))
        self.accept("tv.mpg")
        self.assertTrue(harness.artifact(self.out / "tv", "media")["streams"][0]["interlaced"])

    def test_variable_frame_rate(self):
        ffmpeg("-f", "lavfi", "-t", 8, "-i", "testsrc2=s=320x180:r=50", "-vf",
               "select='if(lt(t,3),not(mod(n,3)),not(mod(n,7)))'", "-vsync", "vfr", "-c:v",
               "libx264", "-preset", "ultrafast", self.folder / "vfr.mkv")
        self.accept("vfr.mkv")
        self.assertTrue(harness.artifact(self.out / "vfr", "media")["streams"][0]
                        ["variable_frame_rate"])

    def test_odd_dimensions(self):
        ffmpeg("-f", "lavfi", "-t", 5, "-i", "testsrc2=s=321x181:r=25", "-pix_fmt", "yuv444p", "-c:v",
               "libx264", "-preset", "ultrafast", self.folder / "odd.mkv")
        self.accept("odd.mkv")

    def test_rotated_phone_video(self):
        plain = make_movie(self.folder / "plain.mp4")
        ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v", "rotate=90", self.folder / "phone.mp4")
        plain.unlink()
        streams = self.accept("phone.mp4")
        video = streams["streams"][0]
        turned = any(abs(d.get("rotation", 0)) == 90 for d in video.get("side_data_list", []))
        self.assertTrue(turned or video["height"] > video["width"])


class Names(harness.MovieTest):
    def test_names_with_any_bytes(self):
        shelf = os.fsencode(self.folder) + b"/shelf"
        os.mkdir(shelf)
        movie = make_movie(self.folder / "m.mkv").read_bytes()
        names = [b"with space.mkv", b"quo'te\"s.mkv", b"new\nline.mkv", b"-dash.mkv",
                 b"latin-\xe9\xff.mkv", b"$(touch owned).mkv", b"%s%n.mkv", b"a;b|c&d.mkv"]
        for name in names:
            with open(shelf + b"/" + name, "wb") as f:
                f.write(movie)
        done = harness.run("-o", self.out, os.fsdecode(shelf))
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        folders = [f for f in self.out.iterdir() if f.is_dir()]
        self.assertEqual(len(folders), len(names))
        for folder in folders:
            self.assert_digest(folder)
        self.assertFalse(pathlib.Path("owned").exists())

    def test_leading_dash_on_the_command_line(self):
        make_movie(self.folder / "-f.mkv")
        done = harness.run("-o", "out", "--", "-f.mkv", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        self.assert_digest(self.out / "_f")


class Places(harness.MovieTest):
    def test_output_inside_the_input_folder(self):
        shelf = self.folder / "shelf"
        shelf.mkdir()
        make_movie(shelf / "a.mkv")
        self.out = shelf / "digests"
        self.digest(shelf)
        again = self.digest(shelf)
        self.assertEqual(sorted(p.name for p in self.out.iterdir() if p.is_dir()), ["a"])
        self.assertIn(b"1 done", again.stdout)

    def test_what_is_not_a_movie_in_a_folder_is_left_out(self):
        shelf = self.folder / "shelf"
        shelf.mkdir()
        make_movie(shelf / "a.mkv")
        (shelf / "notes.txt").write_text("hello")
        (shelf / "readme").write_text("hello")
        self.digest(shelf)

    @unittest.skipIf(os.geteuid() == 0, "root may read every folder")
    def test_unreadable_folder(self):
        shelf = self.folder / "shelf"
        (shelf / "closed").mkdir(parents=True)
        make_movie(shelf / "a.mkv")
        (shelf / "closed").chmod(0)
        self.addCleanup((shelf / "closed").chmod, 0o700)
        done = self.digest(shelf, expect=1)
        self.assertIn(b"closed", done.stderr)
        self.assert_digest(self.out / "a")

    def test_missing_file_beside_a_good_one(self):
        good = make_movie(self.folder / "good.mkv")
        done = self.digest(self.folder / "missing.mkv", good, expect=1)
        self.assertIn(b"missing.mkv", done.stderr)
        self.assert_digest(self.out / "good")

    def test_full_disk(self):
        """In a private mount name space with a tiny file system."""
        small = self.folder / "small"
        small.mkdir()
        movie = make_movie(self.folder / "a.mkv", seconds=20, size="640x360")
        script = ('mount -t tmpfs -o size=300k none "$1" || exit 77; shift; '
                  '"$@"; status=$?; find "$OUT" -name "*.part" | grep -q . && echo LEFTOVER; '
                  'exit $status')
        command = ["unshare", "-rm", "sh", "-c", script, "sh", str(small), harness.PROGRAM, "run",
                   "--no-progress", "-o", str(small / "out"), str(movie)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=harness.TIMEOUT_S,
                              env={**os.environ, "OUT": str(small / "out")})
        if done.returncode == 77 or b"unshare" in done.stderr:
            self.skipTest("no private mount name space here")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"No space left", done.stderr)
        self.assertNotIn(b"LEFTOVER", done.stdout)


if __name__ == "__main__":
    sys.exit(harness.main())
