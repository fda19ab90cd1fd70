"""What became of a batch, whether all of its chunks were spoken or not."""

from dataclasses import dataclass, field

from pipeline.errors import Failure, PartialFailure


@dataclass
class BatchResult:
    """What became of a batch."""

    synthesized: int = 0
    cached: int = 0
    failures: list[Failure] = field(default_factory=list)
    """Chunk id and reason."""


class BatchIncomplete(PartialFailure):
    """Chunks of a batch failed; all others are done."""

    def __init__(self, message: str, *, result: BatchResult) -> None:
        super().__init__(message, failures=tuple(result.failures))
        self.result = result
