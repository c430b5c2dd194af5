/* Written by bench/shots-learn: what labelled films say about each feature. Do not edit. */
#ifndef MD_ANALYSIS_WEIGHTS_H
#define MD_ANALYSIS_WEIGHTS_H

static const float cut_weights[] = {
    -1.178f, 2.099f, -0.9899f, -1.139f, -0.1819f, -1.354f, 3.073f,   0.1642f,  0.02098f,
    0.1855f, 1.271f, 1.446f,   2.95f,   -0.1696f, -3.161f, -0.2679f, -0.6024f,
};

static const float dissolve_weights[] = {
    7.153f, -25.36f,   -0.5076f, -13.52f, -4.135f, 4.81f,   7.128f,  3.27f,  1.629f,
    5.637f, -0.04381f, -3.406f,  2.943f,  -6.274f, -0.419f, 0.3759f, 19.49f,
};

#endif
