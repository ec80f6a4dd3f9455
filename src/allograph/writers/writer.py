"""One writer: read, correct, undo, forget."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from numpy.typing import ArrayLike, NDArray

from allograph.adapters import Adapter, State
from allograph.alphabet.labels import check_label
from allograph.errors import InputError, MismatchError, UnknownLabel
from allograph.lines.line import Line
from allograph.lines.line_ink import LineInk
from allograph.profiles import MemoryStore, Store, changes
from allograph.profiles.changes import Relabel
from allograph.profiles.journal import Correction, Entry, Key, Row, check_name, new_batch
from allograph.readings import Reading
from allograph.recognizer import Recognizer
from allograph.samples import Readable, Sample
from allograph.writers import line_reading
from allograph.writers.context import Seen
from allograph.writers.line_reading import LineCorrection, WordList
from allograph.writers.live_profile import LiveProfile
from allograph.writers.pipeline import Pipeline
from allograph.writers.reading import Alphabets, Request, Task, read_together

if TYPE_CHECKING:
    import PIL.Image


class Writer:
    """A person, and what the recognizer learned of their hand.

    What was taught lives in memory, as long as the object does; `Writers` gives writers whose profiles last. `recognizer` is the
    shipped bundle's and `adapter` the best method for its bundle (`allograph`) unless given; both may be shared by many writers.
    With `implicit=False`, `accept` learns nothing; with `keep_images=False` no image is kept beyond its reading; with
    `shadow=True` the base answers, and what the adapter says is only recorded.

    What is taught is in the journal when `correct` returns, and is learned before the next reading. Safe to use from several
    threads: readings wait for nobody but for what is still to be learned.

    >>> from allograph import Writer
    >>> ana = Writer("ana")
    >>> image = ana.recognizer.bundle.styles.medoids[40]
    >>> reading = ana.read(image)
    >>> done = ana.correct(reading, "a")
    >>> ana.corrections
    [Correction(id=..., label='a', implicit=False, time=...)]
    >>> ana.undo(done.id)
    >>> ana.corrections
    []
    """

    def __init__(
        self,
        name: str,
        recognizer: Recognizer | None = None,
        adapter: Adapter | str | None = None,
        implicit: bool = True,
        keep_images: bool = True,
        shadow: bool = False,
        *,
        store: Store | None = None,
        tenant: str = "default",
        pipeline: Pipeline | None = None,
    ) -> None:
        key = Key.of(tenant, name)
        if pipeline is not None and (recognizer is not None or adapter is not None):
            raise InputError("a pipeline is a recognizer with its adapter: give a pipeline, or the two, not both")
        self.implicit, self.keep_images, self.shadow = implicit, keep_images, shadow
        self._incarnation: str | None = None
        self.live = LiveProfile(MemoryStore() if store is None else store, key, pipeline or Pipeline.of(recognizer, adapter))

    @property
    def name(self) -> str:
        """The writer's name."""
        return self.live.key.name

    @property
    def recognizer(self) -> Recognizer:
        """What reads samples for all writers."""
        return self.live.pipeline.recognizer

    @property
    def adapter(self) -> Adapter:
        """What learns from this writer's corrections."""
        return self.live.pipeline.adapter

    def only(self, incarnation: str | None) -> Self:
        """This writer as one profile: what is taught or taken back raises `ErasedWriter` once that is gone, and begins no other.

        `Writers.incarnation` tells which it is; None is whichever there is.
        """
        other = copy(self)
        other._incarnation = incarnation
        return other

    @overload
    def read(
        self,
        sample: Sample,
        alphabet: Alphabets | None = None,
        threshold: float = 0.0,
        ids: Sequence[str] | None = None,
        context: Seen | None = None,
    ) -> Reading: ...
    @overload
    def read(
        self,
        sample: NDArray[Any],
        alphabet: Alphabets | None = None,
        threshold: float = 0.0,
        ids: Sequence[str] | None = None,
        context: Seen | None = None,
    ) -> Any: ...
    @overload
    def read(
        self,
        sample: Sequence[Sample | NDArray[Any]],
        alphabet: Alphabets | None = None,
        threshold: float = 0.0,
        ids: Sequence[str] | None = None,
        context: Seen | None = None,
    ) -> list[Reading]: ...
    def read(
        self,
        sample: Readable,
        alphabet: Alphabets | None = None,
        threshold: float = 0.0,
        ids: Sequence[str] | None = None,
        context: Seen | None = None,
    ) -> Reading | list[Reading]:
        """Read one sample: a `Sample`, or an array [28, 28] in the bundle's frame, uint8 or float in 0…1, white ink on black.

        A list of samples, or an array [n, 28, 28], gives a list of readings, by one call of the model. A `Sample` is brought into
        the bundle's frame. `alphabet` restricts the answers to a named alphabet (`"digits"`) or to the given labels. A reading
        whose probability is below `threshold`, in 0…1, abstains: its label is the likeliest, and not to be relied on. `ids` name
        the readings, and so the corrections; they are random unless given.

        `context` is what this writer wrote lately on the same device and did not correct, at most 64: readings, which are not
        read again, and samples. It says how large this hand writes, and is not learned. The samples of a list are one another's
        context, all of them, and each is still judged by itself; one sample, alone or in a list, has only what is given.

        Raises `ImageError` for anything that is no sample, `UnknownLabel` for an alphabet with a label that neither the bundle
        nor this writer knows, `InputError` for a threshold outside 0…1 and for a longer context, `MismatchError` where the
        writer's profile, or a reading in the context, was made for another model.
        """
        request = Request(self.name, sample, alphabet, threshold, ids, context=context)
        (readings,) = read_together([Task(self.live, request, self.shadow)])
        if isinstance(readings, Exception):
            raise readings
        return readings[0] if request.is_one else readings

    @overload
    def correct(  # type: ignore[overload-overlap]  # a string is a sequence of strings, but here it is one id
        self, reading: Reading | str, label: str, new: bool = False, implicit: bool = False
    ) -> Correction: ...
    @overload
    def correct(
        self,
        reading: Sequence[Reading | str],
        label: Sequence[str],
        new: bool | Sequence[bool] = False,
        implicit: bool = False,
    ) -> list[Correction]: ...
    def correct(
        self,
        reading: Reading | str | Sequence[Reading | str],
        label: str | Sequence[str],
        new: bool | Sequence[bool] = False,
        implicit: bool = False,
    ) -> Correction | list[Correction]:
        """Learn what a reading should have said, or that it was right; or give a stored correction, by its id, another label.

        The same call again changes nothing; one with another label replaces the first. Lists of readings (or ids) and of their
        labels are one batch: stored in this order, all or none, and learned together. `implicit` marks what was only left
        standing, which replaces nothing. The correction's `doubt` is the probability that the label is a slip, judged by what
        was known of this hand; a label that replaces another was thought over, and is not doubted.

        Raises `UnknownLabel` for a label that the bundle does not know, unless `new` teaches it to this writer, and for one
        outside the alphabet that was offered, `UnknownCorrection` for an id that the journal does not hold, `MismatchError` for
        a reading that another model made; then nothing is learned.
        """
        if isinstance(reading, Reading | str):
            if not isinstance(label, str):
                raise InputError(f"one reading needs one label, not {type(label).__name__}")
            return self.record([reading], [label], [bool(new)], implicit).corrections[0]
        if isinstance(label, str) or len(label) != len(reading):
            raise InputError(f"{len(reading)} readings need a list of as many labels")
        many = [new] * len(reading) if isinstance(new, bool) else list(new)
        if len(many) != len(reading):
            raise InputError(f"{len(reading)} readings need as many values of new, or one for all")
        return self.record(reading, label, many, implicit).corrections

    def read_line(
        self,
        line: LineInk | Sequence[ArrayLike] | str | Path | bytes | PIL.Image.Image | NDArray[Any],
        alphabet: Alphabets | None = None,
        threshold: float = 0.0,
        id: str | None = None,
        words: WordList | None = None,
    ) -> Line:
        """Read a line of hand print: its strokes, a picture of it, or a `LineInk`.

        Strokes are a list of points [k, 2], x and y (down), in the order in which they were written; a picture is a file, its
        bytes, a Pillow image or an array [h, w]. `LineInk.from_strokes` and `.from_picture` take the unit and the device too. The
        line may wrap into rows. Letters are to be unjoined; a line that looks joined up is marked (`Line.joined`). `alphabet`
        restricts the labels; characters less sure than `threshold`, in 0…1, abstain; `id` names the line, and is random unless
        given. Words of a list, or of a file with a word a line, are likelier than other characters, as are those that were kept
        (`words`); what is no word is still read. `Words.of` keeps a long list at hand for many lines.

        Raises `ImageError` for what is no ink or shows no line of writing, `MismatchError` where the bundle reads no lines,
        `InputError` for what is no word, and `FormatError` for a file of words that cannot be read.
        """
        if not isinstance(line, LineInk):
            is_picture = not isinstance(line, Sequence) or isinstance(line, str | bytes)
            line = LineInk.from_picture(line) if is_picture else LineInk.from_strokes(line)  # type: ignore[arg-type]
        return line_reading.read_line(self.live, line, alphabet, threshold, id, self.shadow, words=words)

    def correct_line(
        self,
        line: Line,
        text: str,
        new: bool = False,
        keep_words: bool = False,
        vouched: Collection[int] | None = None,
        left_standing: bool = False,
    ) -> LineCorrection:
        """Learn what a line says, each character of it: the text is laid over the ink, and what was cut wrongly is cut anew.

        `vouched` are the places in the text, in code points, whose characters the person said; all of them unless given. The
        others are not learned or, with `left_standing`, are implicit corrections where they were read so and surely.

        The same call again changes nothing; another text, or other places, replace the first. Characters that the ink does not
        bear out are not learned, and named (`doubtful`). The journal keeps a line's characters in shuffled order and without
        their place, so that the text cannot be read back. Its words are kept only with `keep_words`, apart: those that have a
        character that was vouched for. `undo(done.id)` takes all back.

        Raises `InputError` for a text that is not what the ink shows, for a place outside it, and where nothing is to be
        learned (no character is vouched for, and none is left standing), `UnknownLabel` for a label that the bundle does not
        know, unless `new` teaches it to this writer, `MismatchError` for a line that another model read; then nothing is
        learned.
        """
        learned = (text, new, self.keep_images, keep_words, vouched, left_standing, self.implicit, self._incarnation)
        return line_reading.correct_line(self.live, line, *learned)

    def accept_line(self, line: Line) -> LineCorrection | None:
        """Learn that a line was left standing: implicit corrections of its sure characters; None where those are switched off."""
        return line_reading.accept_line(self.live, line, self.keep_images, self._incarnation) if self.implicit else None

    @property
    def words(self) -> dict[str, int]:
        """The words that were kept with corrected lines, and in how many lines each was."""
        return self.live.store.words(self.live.key)

    def forget_words(self, words: Collection[str] | None = None) -> int:
        """Forget some of the words that were kept, or all; returns how many. The corrections stay."""
        return changes.forget_words(*self._where, words, self._incarnation)

    def accept(self, reading: Reading) -> Correction | None:
        """Learn that a reading was left standing: an implicit correction; None where those are switched off, or it abstains."""
        if not self.implicit or reading.abstains:
            return None
        return self.record([reading], [reading.label], [True], implicit=True).corrections[0]

    def undo(self, id: str) -> None:
        """Take a correction back; the state is what it would be without it. Raises `UnknownCorrection` for an unknown id."""
        changes.undo(*self._where, check_name(id, "correction"), self._incarnation)
        self.live.drop_retracted()

    def forget(self, label: str | None = None, since: float | None = None) -> int:
        """Take back every correction to `label`, or since a time (seconds since 1970), or both; returns how many."""
        changes.check_forget(label, since)
        checked = None if label is None else check_label(label)
        forgotten = changes.forget(*self._where, checked, since, self._incarnation)
        self.live.drop_retracted()
        return forgotten

    @property
    def corrections(self) -> list[Correction]:
        """What was taught and not taken back, in order."""
        return list(self.live.up_to_date().corrections)

    @property
    def state(self) -> State:
        """What the adapter knows about this writer."""
        return self.live.up_to_date().state

    def entries(self, after: int = 0, limit: int | None = None, images: bool = True) -> list[Entry]:
        """The corrections with all else that they were learned from: those after a place in the journal, at most `limit`.

        Without `images` those are left out. The profile may be of another model.
        """
        return self.live.store.entries(self.live.key, after, limit, images)

    def rows(
        self,
        after: int = 0,
        limit: int | None = None,
        images: bool = False,
        label: str | None = None,
        ids: Collection[str] | None = None,
    ) -> list[Row]:
        """The same to be listed and counted: what was said of each correction, without what only learning needs.

        Where a `label` or `ids` are given, only the corrections that have it, or one of them.
        """
        return self.live.store.rows(self.live.key, after, limit, images, label=label, ids=ids)

    def __repr__(self) -> str:
        return f"Writer({self.name!r})"

    @property
    def _where(self) -> tuple[Store, Key]:
        return self.live.store, self.live.key

    def record(
        self, corrected: Sequence[Reading | str], labels: Sequence[str], new: Sequence[bool], implicit: bool = False
    ) -> changes.Recorded:
        """Learn a list as `correct` does, and tell which profile it stands in: that of a writer's first correction is new.

        The three lists have one length.
        """
        labels, batch, model = [check_label(label) for label in labels], new_batch(), self.recognizer.bundle.model_hash
        corrections: list[Entry | Relabel] = []
        for one, label in zip(corrected, labels, strict=True):
            if isinstance(one, str):
                corrections.append(Relabel(check_name(one, "correction"), label, implicit, batch))
                continue
            if one.model_hash != model:
                raise MismatchError(
                    f"the reading {one.id!r} was made by another model than this writer's ({one.model_hash[:12]}…, not "
                    f"{model[:12]}…); read its sample again"
                )
            changes.check_offered(label, one.alphabet)
            offered = None if one.alphabet is None else tuple(sorted(one.alphabet))
            image = one.image if self.keep_images else None
            doubt = 0.0 if implicit else one.doubt(label)
            answers = (one.base, one.personal, offered, one.outputs, image, model, batch)
            corrections.append(Entry(one.id, label, implicit, 0.0, *answers, box=one.box, doubt=doubt))
        self._check_labels(labels, new)
        if not corrections:
            return changes.Recorded([], None)
        return changes.record(*self._where, corrections, model, self._incarnation)

    def _check_labels(self, labels: Sequence[str], new: Sequence[bool]) -> None:
        """Raise `UnknownLabel` for one that is not in the bundle's alphabet, nor the writer's own, nor to be taught now."""
        foreign = {label for label in labels if label not in self.recognizer.alphabet}
        foreign -= {label for label, taught in zip(labels, new, strict=True) if taught}
        if foreign and (unknown := sorted(foreign - self.live.store.labels(self.live.key))):
            label = unknown[0]
            raise UnknownLabel(f"the bundle does not know the label {label!r}; teach it to this writer with new=True", label)
