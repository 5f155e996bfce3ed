"""Pictures with boxes, as people have them: tables, Pascal VOC's XML, COCO's JSON."""
