#!/usr/bin/env python3
"""Writes GGUF files with the header of well-known language models and no weights: the files are
sparse, take no room on disk, and the libraries' dry run takes them for the real thing.

  make_known.py FOLDER [NAME...] [--stamp FILE]
"""
import pathlib
import struct
import sys

F32, F16, Q4_K, Q6_K = 0, 1, 12, 14
BLOCKS = {F32: (1, 4), F16: (1, 2), Q4_K: (256, 144), Q6_K: (256, 210)}
# layers, width, heads, key/value heads, size of a head, feed-forward, vocabulary, context
KNOWN = {
    "llama-3-8b": ("llama", 32, 4096, 32, 8, 128, 14336, 128256, 8192),
    "llama-3.2-3b": ("llama", 28, 3072, 24, 8, 128, 8192, 128256, 131072),
    "mistral-7b": ("llama", 32, 4096, 32, 8, 128, 14336, 32768, 32768),
    "qwen2.5-3b": ("qwen2", 36, 2048, 16, 2, 128, 11008, 151936, 32768),
    "qwen2.5-7b": ("qwen2", 28, 3584, 28, 4, 128, 18944, 152064, 32768),
    "gemma-2-9b": ("gemma2", 42, 3584, 16, 8, 256, 14336, 256000, 8192),
    "gemma-3-4b": ("gemma3", 34, 2560, 8, 4, 256, 10240, 262144, 131072),
    "phi-3-mini": ("phi3", 32, 3072, 32, 32, 96, 8192, 32064, 4096),
}
TIED = {"qwen2.5-3b", "gemma-2-9b", "gemma-3-4b", "llama-3.2-3b"}


class Gguf:
    def __init__(self):
        self.pairs, self.tensors, self.count, self.end = [], [], 0, 0

    @staticmethod
    def text(value):
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def pair(self, key, kind, data):
        self.pairs.append(self.text(key) + struct.pack("<I", kind) + data)

    def string(self, key, value):
        self.pair(key, 8, self.text(value))

    def number(self, key, value):
        self.pair(key, 4, struct.pack("<I", value))

    def real(self, key, value):
        self.pair(key, 6, struct.pack("<f", value))

    def array(self, key, kind, items):
        self.pair(key, 9, struct.pack("<IQ", kind, len(items)) + b"".join(items))

    def tensor(self, name, kind, *sizes):
        block, size = BLOCKS[kind]
        n = 1
        for s in sizes:
            n *= s
        self.tensors.append(self.text(name) + struct.pack("<I", len(sizes)) +
                            struct.pack(f"<{len(sizes)}Q", *sizes) +
                            struct.pack("<IQ", kind, self.end))
        self.end += (n // block * size + 31) // 32 * 32

    def write(self, path):
        head = struct.pack("<4sIQQ", b"GGUF", 3, len(self.tensors), len(self.pairs))
        head += b"".join(self.pairs) + b"".join(self.tensors)
        start = (len(head) + 31) // 32 * 32
        with open(path, "wb") as f:
            f.write(head)
            f.truncate(start + self.end)


def vocabulary(g, size):
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    kinds = [2, 3, 3] + [6] * 256
    tokens += [f"w{i}" for i in range(size - len(tokens))]
    kinds += [1] * (size - len(kinds))
    g.string("tokenizer.ggml.model", "llama")
    g.array("tokenizer.ggml.tokens", 8, [g.text(t) for t in tokens])
    g.array("tokenizer.ggml.scores", 6, [struct.pack("<f", -float(i)) for i in range(size)])
    g.array("tokenizer.ggml.token_type", 5, [struct.pack("<i", k) for k in kinds])
    g.number("tokenizer.ggml.bos_token_id", 1)
    g.number("tokenizer.ggml.eos_token_id", 2)
    g.string("tokenizer.chat_template", "{% for m in messages %}<|im_start|>{{m.role}}{% endfor %}")


def attention(g, b, kind, width, heads, heads_kv, head):
    if kind == "phi3":
        g.tensor(f"{b}.attn_qkv.weight", Q4_K, width, (heads + 2 * heads_kv) * head)
    else:
        for name, n in (("q", heads), ("k", heads_kv), ("v", heads_kv)):
            g.tensor(f"{b}.attn_{name}.weight", Q4_K, width, n * head)
            if kind == "qwen2":
                g.tensor(f"{b}.attn_{name}.bias", F32, n * head)
    if kind == "gemma3":
        g.tensor(f"{b}.attn_q_norm.weight", F32, head)
        g.tensor(f"{b}.attn_k_norm.weight", F32, head)
    g.tensor(f"{b}.attn_output.weight", Q4_K, heads * head, width)


def block(g, i, kind, width, heads, heads_kv, head, inner):
    b = f"blk.{i}"
    g.tensor(f"{b}.attn_norm.weight", F32, width)
    g.tensor(f"{b}.ffn_norm.weight", F32, width)
    if kind.startswith("gemma"):
        g.tensor(f"{b}.post_attention_norm.weight", F32, width)
        g.tensor(f"{b}.post_ffw_norm.weight", F32, width)
    attention(g, b, kind, width, heads, heads_kv, head)
    if kind == "phi3":
        g.tensor(f"{b}.ffn_up.weight", Q4_K, width, 2 * inner)
    else:
        g.tensor(f"{b}.ffn_gate.weight", Q4_K, width, inner)
        g.tensor(f"{b}.ffn_up.weight", Q4_K, width, inner)
    g.tensor(f"{b}.ffn_down.weight", Q4_K, inner, width)


def make(name, path):
    kind, layers, width, heads, heads_kv, head, inner, words, context = KNOWN[name]
    g = Gguf()
    g.string("general.architecture", kind)
    g.string("general.name", name.replace("phi-3", "phi"))  # the library knows Phi-3 by name
    g.number("general.file_type", 15)
    for key, value in (("block_count", layers), ("embedding_length", width),
                       ("context_length", context), ("feed_forward_length", inner),
                       ("attention.head_count", heads), ("attention.head_count_kv", heads_kv),
                       ("attention.key_length", head), ("attention.value_length", head),
                       ("rope.dimension_count", head)):
        g.number(f"{kind}.{key}", value)
    if kind.startswith("gemma"):
        g.number(f"{kind}.attention.sliding_window", 4096 if kind == "gemma2" else 1024)
    if kind == "gemma2":
        g.real("gemma2.attn_logit_softcapping", 50)
        g.real("gemma2.final_logit_softcapping", 30)
    if kind == "phi3":
        g.number("phi3.rope.scaling.original_context_length", 4096)
        g.number("phi3.attention.sliding_window", 2047)
    g.real(f"{kind}.attention.layer_norm_rms_epsilon", 1e-5)
    vocabulary(g, words)
    g.tensor("token_embd.weight", Q6_K if name in TIED else Q4_K, width, words)
    g.tensor("output_norm.weight", F32, width)
    if name not in TIED:
        g.tensor("output.weight", Q6_K, width, words)
    for i in range(layers):
        block(g, i, kind, width, heads, heads_kv, head, inner)
    g.write(path)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:]
    stamp = names.index("--stamp") if "--stamp" in names else len(names)
    for name in names[:stamp] or KNOWN:
        make(name, folder / f"{name}.gguf")
    if stamp < len(names):
        pathlib.Path(names[stamp + 1]).write_text("made\n")


if __name__ == "__main__":
    main()
