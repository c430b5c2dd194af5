// The second sound track: somebody talks about the making of the film, over it, as on many discs.
#include "film.h"

const struct remark film_remarks[] = {
    {"Title", 4.5f, "Hello, and welcome to the commentary. I am the program that made this film."},
    {"I. The train to the sea", 1,
     "The mountains here are triangles. Every peak has a light side and a dark side, and that is "
     "really all there is to it."},
    {"I. The train to the sea", 14, "I am still proud of the steam."},
    {"I. The train to the sea", 30,
     "This is the first time we see all the houses. No two of them are alike, but all of them are "
     "drawn by the same forty lines."},
    {"II. The letter", 2,
     "The rowing boat really follows the wave below it. That took longer than I would like to "
     "admit."},
    {"II. The letter", 26,
     "Here comes the letter. Look at the handwriting: it is pure noise, and so is the council."},
    {"II. The letter", 52, "One hundred and ninety six steps. We only show about thirty of them."},
    {"III. The storm", 6,
     "For the memory we change the shape of the picture, and all colour goes out of it."},
    {"III. The storm", 40,
     "Now the weather turns. Count the seconds between the flash and the thunder."},
    {"III. The storm", 70,
     "And silence. I wanted the audience to hear that nothing hums any more."},
    {"IV. The cup of light", 3,
     "From here on the cutting is fast. Some of these shots last barely a second."},
    {"IV. The cup of light", 26,
     "This is the heart of the story. A small robot makes up his mind."},
    {"IV. The cup of light", 62,
     "The light comes back in two hundred lines of code and one white frame."},
    {"V. Morning", 2,
     "Snow is the easiest thing in the world to draw. That is why there is so much of it."},
    {"V. Morning", 32, "I have counted as well. There are sixty one of them."},
    {"V. Morning", 55,
     "Thank you for listening. Please put out the light only if somebody else keeps it burning."},
};
const int film_n_remarks = sizeof film_remarks / sizeof film_remarks[0];
