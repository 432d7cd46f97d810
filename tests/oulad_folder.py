"""A small folder in the shape of the Open University data set."""

from __future__ import annotations

from pathlib import Path

HEADERS = {
    "courses": "code_module,code_presentation,module_presentation_length",
    "assessments": "code_module,code_presentation,id_assessment,assessment_type,date,weight",
    "vle": "id_site,code_module,code_presentation,activity_type,week_from,week_to",
    "studentInfo": "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,"
    "age_band,num_of_prev_attempts,studied_credits,disability,final_result",
    "studentRegistration": "code_module,code_presentation,id_student,date_registration,date_unregistration",
    "studentAssessment": "id_assessment,id_student,date_submitted,is_banked,score",
    "studentVle": "code_module,code_presentation,id_student,id_site,date,sum_click",
}
ROWS = {
    "courses": ["ZZZ,2013J,100", "ZZZ,2014B,90"],
    "assessments": [
        "ZZZ,2013J,1,TMA,19,10", "ZZZ,2013J,2,CMA,19,0", "ZZZ,2013J,3,TMA,54,90", "ZZZ,2013J,4,Exam,?,100",
        "ZZZ,2014B,5,TMA,60,100", "ZZZ,2014B,6,Exam,90,100",
    ],
    "vle": [
        "10,ZZZ,2013J,resource,2,2", "11,ZZZ,2013J,oucontent,3,4", "12,ZZZ,2013J,quiz,,",
        "13,ZZZ,2013J,url,4,4", "14,ZZZ,2013J,url,20,20", "20,ZZZ,2014B,forumng,1,1",
    ],
    "studentInfo": [
        "ZZZ,2013J,100,F,Wales,HE,?,0-35,0,60,N,Pass", "ZZZ,2013J,101,M,Wales,HE,0-10%,0-35,1,60,Y,Withdrawn",
        "ZZZ,2013J,102,M,Wales,HE,0-10%,0-35,0,60,FALSE,Withdrawn",
        "ZZZ,2013J,103,F,,HE,,0-35,0,60,TRUE,Fail", "ZZZ,2014B,100,F,Wales,HE,?,35-55,1,30,N,Distinction",
    ],
    "studentRegistration": [
        "ZZZ,2013J,100,-30,", "ZZZ,2013J,101,10,20", "ZZZ,2013J,102,?,?", "ZZZ,2013J,103,21,",
        "ZZZ,2014B,100,-5,",
    ],
    "studentAssessment": ["1,100,18,0,80", "1,101,19,0,?", "3,100,-1,1,40", "5,100,60,0,100", "6,100,90,0,0"],
    "studentVle": [
        "ZZZ,2013J,100,10,7,3", "ZZZ,2013J,100,10,7,3", "ZZZ,2013J,100,10,7,4", "ZZZ,2013J,100,11,19,1",
        "ZZZ,2013J,101,10,20,1", "ZZZ,2013J,102,10,6,1", "ZZZ,2013J,103,13,54,1", "ZZZ,2013J,103,13,56,1",
        "ZZZ,2014B,100,20,-3,1", "ZZZ,2014B,100,20,91,1",
    ],
}  # fmt: skip


def write(folder: Path, **changes: list[str] | None) -> Path:
    """Write a small data set; a change replaces the rows of a file, None leaves the file out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (ROWS | changes).items():
        if rows is not None:
            (folder / f"{name}.csv").write_text("\n".join([HEADERS[name], *rows]) + "\n", encoding="utf-8")
    return folder
