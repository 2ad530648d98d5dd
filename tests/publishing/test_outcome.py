from imaging.publishing.manifest import Manifest, Reason, Source
from imaging.publishing.outcome import Outcome


def test_the_summary_of_an_outcome_says_why_a_source_was_rejected_and_not_what_a_library_said() -> None:
    assert Outcome("k", "ignored").summary() == {"key": "k", "status": "ignored"}
    rejection = Reason("damaged", "It is damaged.", "Export it again.")
    rejected = Manifest("rejected", "w", Source("k"), rejection=rejection)
    assert Outcome("k", "rejected", rejected, "OSError: broken", 2).summary() == {
        "key": "k",
        "status": "rejected",
        "code": "damaged",
        "reason": "It is damaged.",
        "advice": "Export it again.",
    }
