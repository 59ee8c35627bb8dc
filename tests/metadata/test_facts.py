from nearsight.metadata.facts import Facts, merge_facts


def test_the_first_source_that_says_a_fact_is_believed():
    camera = Facts(taken="2012-05-31T14:30:00", taken_from="EXIF", camera="Canon EOS 5D")
    sidecar = Facts(taken="2013", taken_from="sidecar", time_zone="+02:00", latitude=1.0, longitude=2.0, rating=3)
    merged = merge_facts([camera, sidecar])
    assert (merged.taken, merged.taken_from, merged.time_zone) == ("2012-05-31T14:30:00", "EXIF", None)
    assert (merged.latitude, merged.longitude, merged.rating, merged.camera) == (1.0, 2.0, 3, "Canon EOS 5D")


def test_a_place_is_never_put_together_from_two_sources():
    place = Facts(latitude=48.0, longitude=2.0, place_from="XMP")
    merged = merge_facts([place, Facts(latitude=1.0, longitude=1.0, altitude=300.0, place_from="sidecar")])
    assert (merged.latitude, merged.longitude, merged.altitude, merged.place_from) == (48.0, 2.0, None, "XMP")


def test_no_facts_are_false():
    assert not Facts()
    assert Facts(rating=0)
    assert not merge_facts([])
