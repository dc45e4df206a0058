"""The network once more, written for reading: loops over heads, everything decoded, no fused parts.

It works on the authors' ``config.json`` and tensor names alone and shares no code with the package, so that
recordings of settings that nobody recorded can be made: see test_unseen.py.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional


class Reference:
    """A model of the authors' format; ``weights`` by first names."""

    def __init__(self, config: dict, weights: dict[str, Tensor]) -> None:
        self.config, self.weights, self.seen = config, weights, {}
        self.self_attention = config["encoder_type"] == "self_attention"

    def linear(self, name: str, values: Tensor) -> Tensor:
        outputs = values @ self.weights[f"{name}.weight"].T
        return outputs + self.weights[f"{name}.bias"] if f"{name}.bias" in self.weights else outputs

    def norm(self, name: str, values: Tensor, eps: float = 1e-5) -> Tensor:
        mean, variance = values.mean(-1, keepdim=True), values.var(-1, unbiased=False, keepdim=True)
        return (values - mean) / (variance + eps).sqrt() * self.weights[f"{name}.weight"] + self.weights[
            f"{name}.bias"
        ]

    def embed(self, inputs: Tensor) -> Tensor:
        prefix = "perceiver.input_preprocessor"
        if self.config["input_type"] == "discrete":
            vectors = self.weights[f"{prefix}.embeddings.weight"][inputs]
        else:
            vectors = self.linear(f"{prefix}.input_projection", inputs)
        if f"{prefix}.position_embeddings.weight" in self.weights:
            vectors = vectors + self.weights[f"{prefix}.position_embeddings.weight"][: inputs.shape[1]]
        return self.norm(f"{prefix}.layernorm", vectors, 1e-12)

    def layer(
        self, name: str, queries: Tensor, others: Tensor | None, visible, heads: int, residual=True
    ) -> Tensor:
        """A layer; ``others`` None for self-attention; ``visible`` ``(B, N)`` or None."""
        inner = f"{name}.attention.attention"
        normed = self.norm(f"{inner}.layernorm1", queries)
        others = normed if others is None else others
        q, k, v = (
            self.linear(f"{inner}.{part}", x)
            for part, x in (("query", normed), ("key", others), ("value", others))
        )
        contexts, scores = [], []
        for one_q, one_k, one_v in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
            score = one_q @ one_k.transpose(1, 2) / math.sqrt(one_q.shape[-1])
            scores.append(score)
            if visible is not None:
                score = score.masked_fill(~visible[:, None, :], -math.inf)
            contexts.append(score.softmax(-1) @ one_v)
        self.seen[name] = torch.stack(scores, 1)
        attended = self.linear(f"{name}.attention.output.dense", torch.cat(contexts, -1))
        if residual:
            attended = attended + queries
        change = self.linear(f"{name}.mlp.dense1", self.norm(f"{name}.layernorm", attended))
        return attended + self.linear(f"{name}.mlp.dense2", 0.5 * change * (1 + torch.erf(change / math.sqrt(2))))

    def encode(self, inputs: Tensor, visible: Tensor) -> tuple[Tensor, Tensor | None]:
        config, embedded = self.config, self.embed(inputs)
        if self.self_attention:
            queries, heads = embedded, config["num_self_attention_heads"]
        else:
            latents = self.weights["perceiver.encoding_latents.latents"]
            queries, heads = latents.expand(len(inputs), -1, -1), config["num_cross_attention_heads"]
        residual = config["use_query_residual"]
        latents = self.layer("perceiver.encoder.cross_attention", queries, embedded, visible, heads, residual)
        real = visible if self.self_attention else None
        for _ in range(config["num_blocks"]):
            for index in range(config["num_self_attends_per_block"]):
                name = f"perceiver.encoder.self_attends.{index}"
                latents = self.layer(name, latents, None, real, config["num_self_attention_heads"])
        return latents, real

    def decode(self, prefix: str, args: dict, latents: Tensor, real, marked: Tensor | None) -> Tensor:
        """Outputs for all queries of the decoder at ``prefix``."""
        own = f"{prefix}.decoder_latents.latents"
        table = self.weights.get(own, self.weights.get("perceiver.input_preprocessor.position_embeddings.weight"))
        queries = table.expand(len(latents), -1, -1)
        token = self.weights.get(f"{prefix}.learned_mask_token")
        if token is not None and marked is not None:
            marked = functional.pad(marked, (0, queries.shape[1] - marked.shape[1]))
            queries = queries + marked[:, :, None] * token
        keys = self.norm(f"{prefix}.pre_layernorm", latents)
        heads, residual = args["num_heads"], args["use_query_residual"]
        outputs = self.layer(f"{prefix}.decoding_cross_attention", queries, keys, real, heads, residual)
        outputs = self.norm(f"{prefix}.final_layernorm", outputs, 1e-12)
        for index, word in enumerate((args.get("post_decoder_layers") or "").split()):
            if word.isdigit():
                outputs = self.linear(f"{prefix}.post_decoder_layers.{index}", outputs)
            else:
                outputs = {"gelu": functional.gelu, "tanh": torch.tanh, "relu": torch.relu}[word](outputs)
        if f"{prefix}.final_project.weight" in self.weights:
            return self.linear(f"{prefix}.final_project", outputs)
        table = self.weights["perceiver.input_preprocessor.embeddings.weight"]
        return outputs @ table.T + self.weights[f"{prefix}.final_project.bias"]

    def reconstruct(self, inputs: Tensor, real: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Outputs at all positions and the loss at the hidden ones."""
        visible = real if hidden is None else real & ~hidden
        latents, kept = self.encode(inputs, visible)
        teacher = self.config["teacher_args"]
        args = teacher["reconstruction_decoder_args"]
        outputs = self.decode("teacher.reconstruction_decoder", args, latents, kept, hidden)
        if hidden is None:
            return outputs, torch.zeros(())
        found, due = outputs[:, : inputs.shape[1]][hidden], inputs[hidden]
        if self.config["input_type"] == "discrete":
            each = -found.log_softmax(-1).gather(1, due[:, None])[:, 0]
            if teacher.get("reconstruction_weighted_loss"):
                rarity = torch.tensor([len(due) / max((due == token).sum().item(), 1) for token in due])
                each = each * rarity / self.config["num_discrete_tokens"]
            return outputs, each.mean()
        if teacher.get("target_mean") is not None:
            due = due - torch.tensor(teacher["target_mean"])
        if teacher.get("target_std") is not None:
            due = due / torch.tensor(teacher["target_std"])
        if teacher.get("target_clip") is not None:
            due = due.clip(-teacher["target_clip"], teacher["target_clip"])
        return outputs, ((found - due) ** 2).mean()

    def classify(self, inputs: Tensor, real: Tensor) -> Tensor:
        """Outputs of the head, ``(B, labels)``."""
        latents, kept = self.encode(inputs, real)
        if self.config["decoder_type"] == "mean_pool":
            return self.linear("perceiver.decoder.linear", latents.mean(1))
        args = {
            "num_heads": self.config["decoder_heads"],
            "use_query_residual": True,
            "post_decoder_layers": self.config["post_decoder_layers"],
        }
        return self.decode("perceiver.decoder", args, latents, kept, None)[:, 0]
